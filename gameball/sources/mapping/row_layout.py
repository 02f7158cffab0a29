"""Which columns of a table the parts of an event come from."""

from collections.abc import Iterator, Sequence

from attrs import define, evolve, frozen

from gameball.sources.mapping.row_mapping import RowMapping


@define
class _Probe:
    """Stands for the cell of a column in a row of probes."""

    column: int


@frozen
class RowLayout:
    """Where the parts of an event are in a table whose rows are all interpreted in the same way.

    Args:
        customer_id: The column of the customer.
        name: The column of the name, or the name itself if it is the same for all rows.
        metadata: The column of the metadata, or the column of each of its entries.
    """

    customer_id: int
    name: int | str
    metadata: int | dict[str, int]


def find_layout(mapping: RowMapping, names: Sequence[str]) -> tuple[RowLayout | None, set[int]]:
    """Find how the rows of a table become events.

    Mostly, how a row is interpreted depends on the names of its columns only, so a row of probes shows it.

    Args:
        mapping: How to interpret rows.
        names: The names of the columns. None of them is the mark of a reject.

    Returns:
        The layout, or None if events are not simply a customer, a name and metadata, each of whole columns;
        and the columns that are part of an event.
    """
    if not mapping.depends_on_names_only(names):
        return None, {column for column, name in enumerate(names) if mapping.uses(name)}
    _, item, _ = evolve(mapping, types={}).interpret(
        {name: _Probe(column) for column, name in enumerate(names)}
    )
    return _layout_of(item), set(_find_probes(item))


def _find_probes(value: object) -> Iterator[int]:
    """Yield the columns of the probes in an item, however nested."""
    if isinstance(value, _Probe):
        yield value.column
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _find_probes(entry)
    elif isinstance(value, tuple | list):
        for entry in value:
            yield from _find_probes(entry)


def _layout_of(item: object) -> RowLayout | None:
    if not isinstance(item, tuple):
        return None
    customer_id, name, metadata = item
    name = name.column if isinstance(name, _Probe) else name
    if not isinstance(customer_id, _Probe):
        return None
    if isinstance(metadata, _Probe):
        return RowLayout(customer_id.column, name, metadata.column)
    if isinstance(metadata, dict):
        columns = {key: probe.column for key, probe in metadata.items() if isinstance(probe, _Probe)}
        if len(columns) == len(metadata):
            return RowLayout(customer_id.column, name, columns)
    return None

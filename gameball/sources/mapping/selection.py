"""Which columns of a source are sent."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from attrs import field, frozen


def check_choice(
    rename: Mapping[str, str], select: Collection[str] | None, drop: Collection[str] | None
) -> None:
    """Check the options ``select`` and ``drop``.

    Args:
        rename: The name in the source of each field that has another name there.
        select: The only columns that become metadata, or None.
        drop: The columns that are left out, or None.

    Raises:
        ValueError: They contradict each other, or drop what an event needs; the message says what to do.
    """
    if select is not None and drop is not None:
        raise ValueError("columns are both selected and dropped: select those to send, or drop the others")
    if select is not None and not select:
        raise ValueError("no column is selected: name at least one")
    if "" in (*(select or ()), *(drop or ())):
        raise ValueError("a column that is selected or dropped has an empty name")
    targets = {source: target for target, source in rename.items()}
    for name in drop or ():
        if name in targets:
            raise ValueError(f"the column {name} is dropped, but it is mapped to {targets[name]}")
    if "customer_id" in (drop or ()) and "customer_id" not in rename:
        raise ValueError("the column customer_id is dropped, but events need it")


def _names(names: Iterable[str] | None) -> frozenset[str]:
    return frozenset(names or ())


@frozen
class Selection:
    """Which columns become metadata.

    Args:
        select: The only columns that do, or none for all.
        drop: The columns that do not.
    """

    select: frozenset[str] = field(default=frozenset(), converter=_names)
    drop: frozenset[str] = field(default=frozenset(), converter=_names)

    def __bool__(self) -> bool:
        """Return whether columns are chosen at all."""
        return bool(self.select or self.drop)

    def keeps(self, name: str, needed: Collection[str]) -> bool:
        """Return whether a column is kept.

        Args:
            name: Its name in the source.
            needed: The columns that are kept in any case, unless they are dropped.
        """
        return name not in self.drop and (not self.select or name in self.select or name in needed)

    def choose(
        self, fields: Mapping[str, Any], *, needed: Collection[str], own: Collection[str], metadata: str
    ) -> dict[str, Any]:
        """Return the fields that are kept.

        Args:
            fields: The fields of a row.
            needed: The fields that are kept, unless they are dropped.
            own: The fields that are kept even if a dropped column has their name.
            metadata: The name of the field with the metadata. If it is an object and not chosen itself, the
                choice is made among its fields, which would otherwise be sent unseen.
        """
        kept = {
            name: value
            for name, value in fields.items()
            if name in own or self.keeps(name, needed) or (name == metadata and name not in self.drop)
        }
        inner = kept.get(metadata)
        if isinstance(inner, dict) and metadata not in self.select:
            kept[metadata] = {
                name: value for name, value in inner.items() if name in own or self.keeps(name, needed=())
            }
        elif metadata in kept and metadata not in own and not self.keeps(metadata, needed):
            del kept[metadata]
        return kept


#: The choice of all columns.
EVERY: Final = Selection()

"""The interpretation of a row of a source as an event."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from attrs import field, frozen

from gameball.events import CustomerEvents, EventLike
from gameball.sources.mapping.cells import CellError, convert_value
from gameball.sources.mapping.nested import SEPARATOR, move_up, outer_names
from gameball.sources.mapping.selection import EVERY, Selection
from gameball.sources.shown_names import show_names

#: The key under which a rejects file records why a row was rejected.
MARK: Final = "_rejected"

_EVENT: Final = ("customer_id", "name", "metadata")
_REQUIRED: Final = ("customer_id", "name")
_WIRE: Final = ("customerId", "events")
_MAY_BE_ACCEPTED: Final = (
    "may have been accepted already: delete the line, or send it with --on-unknown resend"
)
_NOT_CORRECTED: Final = "is not corrected yet: replace it with an event"
_NOT_CHOSEN: Final = "is in Gameball's own format, whose fields cannot be selected or dropped"
#: The outcome of a row in a CSV file of rejects that is too long to be kept whole.
CUT: Final = "cut"


def _copy(names: Mapping[str, str]) -> Mapping[str, str]:
    return dict(names)


@frozen
class RowMapping:
    """How to interpret the rows of one source.

    Args:
        rename: The name in the source of each field that has another name there.
        constants: The value of each field that is the same in all rows and is not in the source.
        resend_unknown: Accept rows that may have been accepted already.
        null_metadata: Accept a row whose ``metadata`` is None as an event without metadata, because a table
            has no other way to omit a cell.
        selection: Which columns become metadata.
        types: The type of each typed field, by its name in the source.
        converts: Convert all typed fields. Otherwise only nested ones are converted, because the reader has
            converted the columns.
        on_integer_id: Called when a ``customer_id`` that is an integer becomes text.
    """

    rename: Mapping[str, str] = field(factory=dict, converter=_copy)
    constants: Mapping[str, str] = field(factory=dict, converter=_copy)
    resend_unknown: bool = False
    null_metadata: bool = False
    selection: Selection = EVERY
    types: Mapping[str, str] = field(factory=dict, converter=_copy)
    converts: bool = False
    on_integer_id: Callable[[], object] | None = field(default=None, repr=False, eq=False)
    _sources: frozenset[str] = field(init=False, repr=False)
    #: The names that may be those of nested fields. The deepest come last.
    nested: tuple[str, ...] = field(init=False, repr=False)
    # The field names that must not be in the source, because another field is mapped to them.
    _overruled: frozenset[str] = field(init=False, repr=False)

    @_sources.default
    def _find_sources(self) -> frozenset[str]:
        return frozenset(self.rename.values())

    @nested.default
    def _find_nested(self) -> tuple[str, ...]:
        names = {*self.rename.values(), *self.types, *self.selection.select, *self.selection.drop}
        dotted = (name for name in names if SEPARATOR in name)
        return tuple(sorted(dotted, key=lambda name: (name.count(SEPARATOR), name)))

    @_overruled.default
    def _find_overruled(self) -> frozenset[str]:
        return frozenset(self.rename.keys() - self._sources)

    def interpret(self, row: dict[str, Any]) -> tuple[dict[str, Any], EventLike | None, str | None]:
        """Convert a row to an item, without checking whether its values can be sent.

        Args:
            row: The row, with the keys of the source. It is not changed, but the item may share its values.

        Returns:
            The renamed fields; the item, or None; and why there is none, or None. The fields include the mark
            of a reject only if the row is refused because of it.
        """
        fields, problem = self._to_fields(row)
        if problem is None:
            problem = self.refuse_names(fields)
        if problem is not None:
            return fields, None, problem
        item: EventLike
        if "customerId" in fields and "events" in fields:
            item = CustomerEvents(self._as_text(fields["customerId"]), fields["events"])
        elif "metadata" in fields:
            metadata = fields["metadata"]
            if metadata is None and self.null_metadata:
                metadata = {}
            item = (self._as_text(fields["customer_id"]), fields["name"], metadata)
        else:
            metadata = fields.copy()
            item = (self._as_text(metadata.pop("customer_id")), metadata.pop("name"), metadata)
        return fields, item, None

    def plain_keys(self) -> tuple[str, str, str] | None:
        """Return the keys of customer, name and metadata in a row that has these three and no others.

        Returns:
            The keys, or None if such a row needs ``interpret``.
        """
        customer_id, name, metadata = (self.rename.get(key, key) for key in _EVENT)
        others = {source for target, source in self.rename.items() if target not in _EVENT}
        keys = {customer_id, name, metadata}
        if self.constants or self.nested or self.selection or self.converts:
            return None
        if len(keys) < len(_EVENT) or not keys.isdisjoint({*others, *_WIRE, MARK}):
            return None
        return (customer_id, name, metadata) if keys.isdisjoint(self._overruled) else None

    def refuse_names(self, fields: Mapping[str, object]) -> str | None:
        """Return why fields with these names cannot be an event, whatever their values.

        Args:
            fields: The renamed fields.

        Returns:
            The message for the user, or None if they can be an event.
        """
        if "customerId" in fields and "events" in fields:
            return _refuse_further(fields, _WIRE)
        for name in _REQUIRED:
            if name not in fields:
                if name in self.rename:
                    return f"has no {show_names([self.rename[name]])}, which is mapped to {name}"
                return f"has no {name}; map a field to it with --map {name}=FIELD"
        return _refuse_further(fields, _EVENT) if "metadata" in fields else None

    def depends_on_names_only(self, names: Iterable[str]) -> bool:
        """Return whether the names of the columns of a table decide how all its rows are interpreted."""
        nested = self.nested_names(list(names))
        chosen = self.selection and self.rename.get("metadata", "metadata") in names
        return not (nested or chosen)

    def nested_names(self, names: list[str]) -> list[str]:
        """Return the names that may be those of nested fields in a table with columns of some names."""
        return [
            name
            for name in self.nested
            if name not in names and any(outer in names for outer in outer_names(name))
        ]

    def uses(self, name: str) -> bool:
        """Return whether a column of a table is part of an event, or an object that contains such a part."""
        outer = {outer for one in (*self._sources, *self.selection.select) for outer in outer_names(one)}
        return name in outer or self.selection.keeps(name, {*self._needed(), self._metadata_name()})

    def _needed(self) -> frozenset[str]:
        """Return the fields of the source that an event needs, or that are renamed."""
        return self._sources | {name for name in _REQUIRED if name not in self.rename} | {MARK}

    def _metadata_name(self) -> str:
        return self.rename.get("metadata", "metadata")

    def _to_fields(self, row: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
        """Return the fields of a row under their own names, and why that is not possible, or None."""
        fields, marked = row, False
        problem: str | None = None
        if MARK in row:
            if problem := self._refuse_marked(row):
                return row, problem
            fields = {name: value for name, value in row.items() if name != MARK}
            # The rows of a CSV file of rejects are as they were in their source.
            marked = isinstance(row[MARK], dict)
        if self.nested or self.converts:
            fields, problem = self._prepare(fields)
        if problem is None and self.selection:
            fields = self._choose(fields, marked=marked)
            problem = _NOT_CHOSEN if fields.keys() >= set(_WIRE) else None
        if problem is None and (self.rename or self.constants):
            fields, problem = self._adapt(fields, marked=marked)
        return fields, problem

    def _prepare(self, fields: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
        """Return the fields, with nested ones moved up and types converted; and why not, or None."""
        moved = {name for name in self.nested if name not in fields}
        fields = move_up(fields, self.nested)
        for name, type_name in self.types.items():
            if name not in fields or not (self.converts or name in moved):
                continue
            try:
                converted = convert_value(fields[name], type_name)
            except CellError as error:
                return fields, f"{show_names([name])} {error.reason}"
            if converted is not fields[name]:
                fields = {**fields, name: converted}
        return fields, None

    def _choose(self, fields: dict[str, Any], *, marked: bool) -> dict[str, Any]:
        # The rows of a rejects file are chosen and renamed already.
        own = frozenset({*self.rename, *self.constants, *_REQUIRED} if marked else ())
        return self.selection.choose(fields, needed=self._needed(), own=own, metadata=self._metadata_name())

    def _refuse_marked(self, row: Mapping[str, Any]) -> str | None:
        mark = row[MARK]
        if self.null_metadata and (mark is None or isinstance(mark, str)):
            return self._refuse_text_mark(mark or "")
        if row.keys() <= {MARK, "text"}:
            return _NOT_CORRECTED
        if not isinstance(mark, dict):
            return f"has a {MARK} that is not an object: delete it if the event was certainly not accepted"
        if mark.get("outcome") == "unknown" and not self.resend_unknown:
            return _MAY_BE_ACCEPTED
        return None

    def _refuse_text_mark(self, mark: str) -> str | None:
        outcome = mark.partition(":")[0].strip()
        if outcome == CUT:
            return f"is incomplete: complete the row, and empty its {MARK}"
        return _MAY_BE_ACCEPTED if outcome == "unknown" and not self.resend_unknown else None

    def _as_text(self, customer_id: Any) -> Any:  # noqa: ANN401 - checked when it is sent
        # Most tables have integer ids. A float is left to be refused: it may have lost digits already.
        if type(customer_id) is not int:
            return customer_id
        if self.on_integer_id is not None:
            self.on_integer_id()
        return str(customer_id)

    def _adapt(self, fields: dict[str, Any], *, marked: bool) -> tuple[dict[str, Any], str | None]:
        """Return the fields, renamed and with the constants, and why that is not possible, or None."""
        if self.rename:
            is_beside = not marked and self._has_name_beside(fields)
            others = {key: value for key, value in fields.items() if key != "name"} if is_beside else fields
            if problem := self._refuse_renaming(others, marked=marked):
                return fields, problem
            renamed = self._renamed(others)
            if is_beside:
                # The metadata is then a separate field, because it has a key with the name of another field.
                required: dict[str, Any] = {key: renamed.pop(key) for key in _REQUIRED if key in renamed}
                renamed = {**required, "metadata": {"name": fields["name"], **renamed}}
            fields = renamed
        if problem := self._refuse_constants(fields, marked=marked):
            return fields, problem
        return ({**self.constants, **fields} if self.constants else fields), None

    def _has_name_beside(self, fields: Mapping[str, Any]) -> bool:
        """Return whether a field ``name`` is metadata, because the name of the event is in another one.

        There is no such rule for ``customer_id``, because taking the wrong one would give the points to
        another customer.
        """
        return (
            "name" in self._overruled
            and "name" in fields
            and self.rename["name"] in fields
            and not {"metadata", *_WIRE} & fields.keys()
            and not {"metadata", *_WIRE} & self.rename.keys()
        )

    def _refuse_renaming(self, fields: Mapping[str, object], *, marked: bool) -> str | None:
        # The rows of a rejects file are already renamed, unless others were added.
        if self._overruled.isdisjoint(fields):
            return None
        overruled = [
            name for name in fields.keys() & self._overruled if not marked or self.rename[name] in fields
        ]
        if not overruled:
            return None
        name = min(overruled)
        mapped = show_names([self.rename[name]])
        return f"has both a field {show_names([name])} and {mapped}, which is mapped to it"

    def _refuse_constants(self, fields: Mapping[str, object], *, marked: bool) -> str | None:
        # The rows of a rejects file have the constants already.
        for name, value in self.constants.items():
            if name in fields and not (marked and fields[name] == value):
                return f"has a field {show_names([name])}, which is also set to one value for all rows"
        return None

    def _renamed(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        sources = self._sources
        renamed = {name: value for name, value in fields.items() if name not in sources}
        for target, source in self.rename.items():
            if source in fields:
                renamed[target] = fields[source]
        return renamed


def _refuse_further(fields: Mapping[str, object], known: tuple[str, ...]) -> str | None:
    further = [name for name in fields if name not in known]
    if not further:
        return None
    plural = "fields" if len(further) > 1 else "field"
    return f"has the {plural} {show_names(further)} in addition to {', '.join(known)}"

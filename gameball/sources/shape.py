"""What a row of a source stands for."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import field, frozen

from gameball.events import CustomerEvents, EventLike

#: The key under which the command's file of rejects tells why a row is in it.
MARK: Final = "_rejected"

_EVENT: Final = ("customer_id", "name", "metadata")
_WIRE: Final = ("customerId", "events")
_MAY_BE_ACCEPTED: Final = (
    "may have been accepted already: delete the line, or send it with --on-unknown resend"
)
_NOT_CORRECTED: Final = "is not corrected yet: put an event in its place"
_MAX_NAMES: Final = 5
_MAX_NAME_LENGTH: Final = 60


def _copy(names: Mapping[str, str]) -> Mapping[str, str]:
    return dict(names)


@frozen
class Shape:
    """How the rows of one source are to be understood.

    Args:
        rename: The name in the source of each field that is called differently there.
        resend_unknown: Take rows that may have been accepted already.
        null_metadata: Take a row whose ``metadata`` is None as an event without any: in a table, there is no
            other way to leave a cell out.
    """

    rename: Mapping[str, str] = field(factory=dict, converter=_copy)
    resend_unknown: bool = False
    null_metadata: bool = False
    _sources: frozenset[str] = field(init=False, repr=False)
    # The proper names that a field of the source must not have, because another one is mapped to them.
    _overruled: frozenset[str] = field(init=False, repr=False)

    @_sources.default
    def _find_sources(self) -> frozenset[str]:
        return frozenset(self.rename.values())

    @_overruled.default
    def _find_overruled(self) -> frozenset[str]:
        return frozenset(self.rename.keys() - self._sources)

    def interpret(self, row: dict[str, Any]) -> tuple[dict[str, Any], EventLike | None, str | None]:
        """Make an item of a row. Whether its values can be sent is not looked at.

        Args:
            row: The row, its keys as they are in the source. It is not changed, and may become the item's.

        Returns:
            The row's fields under their proper names; the item, or None; why there is none, or None. The mark
            of a reject is among the fields only where the row is refused for it.
        """
        fields = row
        marked = MARK in row
        if marked:
            if problem := self._refuse_marked(row):
                return row, None, problem
            fields = {name: value for name, value in row.items() if name != MARK}
        if self.rename:
            if problem := self._refuse_renaming(fields, marked=marked):
                return fields, None, problem
            fields = self._renamed(fields)
        if problem := self.refuse_names(fields):
            return fields, None, problem
        item: EventLike
        if "customerId" in fields and "events" in fields:
            item = CustomerEvents(fields["customerId"], fields["events"])
        elif "metadata" in fields:
            metadata = fields["metadata"]
            if metadata is None and self.null_metadata:
                metadata = {}
            item = (fields["customer_id"], fields["name"], metadata)
        else:
            metadata = fields.copy()
            item = (metadata.pop("customer_id"), metadata.pop("name"), metadata)
        return fields, item, None

    def plain_keys(self) -> tuple[str, str, str] | None:
        """Return the keys of customer, name and metadata in a row that has these three and no others.

        Returns:
            The keys, or None where such a row has to be looked at more closely.
        """
        customer_id, name, metadata = (self.rename.get(key, key) for key in _EVENT)
        others = {source for target, source in self.rename.items() if target not in _EVENT}
        keys = {customer_id, name, metadata}
        if len(keys) < len(_EVENT) or not keys.isdisjoint({*others, *_WIRE, MARK}):
            return None
        return (customer_id, name, metadata) if keys.isdisjoint(self._overruled) else None

    def refuse_names(self, fields: Mapping[str, object]) -> str | None:
        """Tell why fields of such names are no event, whatever they hold.

        Args:
            fields: The fields, under their proper names.

        Returns:
            What to tell the user, or None where they can be an event.
        """
        if "customerId" in fields and "events" in fields:
            return _refuse_further(fields, _WIRE)
        for name in ("customer_id", "name"):
            if name not in fields:
                if name in self.rename:
                    return f"has no {show_names([self.rename[name]])}, which its {name} is to be taken from"
                return f"has no {name}; name its field with --map {name}=FIELD"
        return _refuse_further(fields, _EVENT) if "metadata" in fields else None

    def _refuse_marked(self, row: Mapping[str, Any]) -> str | None:
        mark = row[MARK]
        if row.keys() <= {MARK, "text"}:
            return _NOT_CORRECTED
        if not isinstance(mark, dict):
            return f"has a {MARK} that is no object: delete it if the event was certainly not accepted"
        if mark.get("outcome") == "unknown" and not self.resend_unknown:
            return _MAY_BE_ACCEPTED
        return None

    def _refuse_renaming(self, fields: Mapping[str, object], *, marked: bool) -> str | None:
        # The rows of a file of rejects have their proper names already, unless somebody put in others.
        if self._overruled.isdisjoint(fields):
            return None
        overruled = [
            name for name in fields.keys() & self._overruled if not marked or self.rename[name] in fields
        ]
        if not overruled:
            return None
        name = min(overruled)
        mapped = show_names([self.rename[name]])
        return f"has a field {show_names([name])} besides {mapped}, which is mapped to it"

    def _renamed(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        sources = self._sources
        renamed = {name: value for name, value in fields.items() if name not in sources}
        for target, source in self.rename.items():
            if source in fields:
                renamed[target] = fields[source]
        return renamed


def show_names(names: Iterable[str]) -> str:
    """Write names from a source into a message, however odd or many they are.

    Args:
        names: The names.

    Returns:
        The first few of them, each shortened and without control characters, parted by commas.
    """
    listed = list(names)
    shown = [
        "".join(sign if sign.isprintable() else "?" for sign in name[:_MAX_NAME_LENGTH])
        + ("…" if len(name) > _MAX_NAME_LENGTH else "")
        for name in listed[:_MAX_NAMES]
    ]
    more = len(listed) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _refuse_further(fields: Mapping[str, object], known: tuple[str, ...]) -> str | None:
    further = [name for name in fields if name not in known]
    if not further:
        return None
    plural = "fields" if len(further) > 1 else "field"
    return f"has the {plural} {show_names(further)} besides {', '.join(known)}"


@frozen
class Columns:
    """What was said about the columns of a table.

    Args:
        shape: What its rows stand for.
        types: The type of each column that is to have one.
    """

    shape: Shape
    types: Mapping[str, str]

    def refuse(self, names: list[str]) -> str | None:
        """Tell why no row under these names can be an event.

        Args:
            names: The names of the columns, as they are in the file.

        Returns:
            What to tell the user, or None where rows can be events.
        """
        if "" in names:
            return f"has a column without a name, the {names.index('') + 1}. of {len(names)}"
        if len(set(names)) < len(names):
            repeated = dict.fromkeys(name for name in names if names.count(name) > 1)
            return f"has several columns of the name {show_names(repeated)}"
        for target, source in self.shape.rename.items():
            if source not in names:
                return f"has no column {show_names([source])}, which {target} is to be taken from"
        if missing := [name for name in self.types if name not in names]:
            return f"has no column {show_names(missing)}, which a type is given for"
        # Whether a mark refuses a row depends on what it holds; everything else depends on names only.
        _, _, problem = self.shape.interpret({name: None for name in names if name != MARK})
        return problem

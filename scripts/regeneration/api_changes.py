"""Compare two generated packages, and say which changes are breaking."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from attrs import evolve, frozen

from regeneration.facade_usage import Usage
from regeneration.surface import GeneratedModel, GeneratedOperation, Surface, Value

Kind = Literal["operation", "parameter", "response", "model", "field", "member"]
What = Literal["added", "removed", "changed"]
_NAME: Final = re.compile(r"[A-Za-z_]\w*")


@frozen
class Change:
    """A change that users of the package can notice.

    Attributes:
        kind: What kind of thing changed.
        what: How it changed.
        subject: Its name, after that of its operation or model.
        detail: More about the change, in words.
        breaking: Whether it may break code that works.
        used_by: The hand-written files that use the operation, the model, or the field by its JSON name.
        wire: The JSON name of a field; empty for anything else.
    """

    kind: Kind
    what: What
    subject: str
    detail: str
    breaking: bool
    used_by: tuple[str, ...] = ()
    wire: str = ""

    def __str__(self) -> str:
        mark = "BREAKING" if self.breaking else ""
        users = f"  [used by {', '.join(self.used_by)}]" if self.used_by else ""
        return f"{mark:8}  {self.kind} {self.what}: {self.subject} {self.detail}".rstrip() + users


def compare(old: Surface, new: Surface, usage: Usage, wire_usage: Usage | None = None) -> tuple[Change, ...]:
    """Compare two packages.

    Args:
        old: The package before.
        new: The package now.
        usage: The hand-written files that use each operation and model.
        wire_usage: The hand-written files that contain each JSON name as a string.

    Returns:
        The changes: operations first, then models, each in the order of their names.
    """
    models = []
    for change in _models(old.models, new.models, _directions(old, new)):
        users = usage.get(change.subject.partition(".")[0], ())
        models.append(evolve(change, used_by=with_wire_users(users, change.wire, wire_usage or {})))
    return (*_operations(old.operations, new.operations, usage), *models)


def with_wire_users(users: tuple[str, ...], wire: str, wire_usage: Usage) -> tuple[str, ...]:
    """Add the files that contain a field's JSON name to the files that use its operation or model.

    Many operations have fields of the same name, so nothing is added if no file uses the operation or model.
    """
    return tuple(sorted({*users, *wire_usage.get(wire, ())})) if users and wire else users


@frozen
class _Direction:
    """Whether users send values of a model in requests, and read them in responses."""

    is_sent: bool = True
    is_read: bool = True


def _directions(old: Surface, new: Surface) -> dict[str, _Direction]:
    sent, read = set[str](), set[str]()
    for surface in (old, new):
        for operation in surface.operations.values():
            sent |= _reachable(surface, [parameter.type for parameter in operation.parameters])
            read |= _reachable(surface, [operation.response])
    return {name: _Direction(name in sent, name in read) for name in sent | read}


def _reachable(surface: Surface, types: list[str]) -> set[str]:
    """Return the models that types name, and the models in their fields."""
    found: set[str] = set()
    while types:
        names = {name for name in _NAME.findall(types.pop()) if name in surface.models} - found
        found |= names
        for model in (surface.models[name] for name in names):
            types += [model.extra, *(() if model.is_enumeration else (one.type for one in model.fields))]
    return found


def _operations(
    old: Mapping[str, GeneratedOperation], new: Mapping[str, GeneratedOperation], usage: Usage
) -> Iterator[Change]:
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        one = before or after
        if one is None:
            continue
        users = usage.get(one.module, ())
        if after is None:
            yield Change("operation", "removed", one.module, key, breaking=True, used_by=users)
        elif before is None:
            yield Change("operation", "added", one.module, key, breaking=False, used_by=users)
        else:
            for change in _operation(before, after, key):
                yield evolve(change, used_by=users)


def _operation(before: GeneratedOperation, after: GeneratedOperation, key: str) -> Iterator[Change]:
    if before.module != after.module:
        detail = f"is now {after.module}: {key}"
        yield Change("operation", "changed", before.module, detail, breaking=True)
    sent = _Direction(is_read=False)
    yield from _values("parameter", after.module, before.parameters, after.parameters, sent)
    if before.response != after.response:
        gone = set(before.response.split(" | ")) - set(after.response.split(" | "))
        detail = f"{before.response} -> {after.response}"
        yield Change("response", "changed", after.module, detail, breaking=bool(gone))


def _models(
    old: Mapping[str, GeneratedModel], new: Mapping[str, GeneratedModel], directions: Mapping[str, _Direction]
) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if after is None:
            yield Change("model", "removed", name, "", breaking=True)
        elif before is None:
            yield Change("model", "added", name, "", breaking=False)
        else:
            # A model that no operation uses counts as both sent and read.
            yield from _model(before, after, directions.get(name, _Direction()))


def _model(before: GeneratedModel, after: GeneratedModel, direction: _Direction) -> Iterator[Change]:
    if before.is_enumeration != after.is_enumeration:
        detail = "is an enumeration now" if after.is_enumeration else "is no longer an enumeration"
        yield Change("model", "changed", after.name, detail, breaking=True)
        return
    if before.extra != after.extra:
        detail = f"additional properties: {before.extra or 'none'} -> {after.extra or 'none'}"
        yield Change("model", "changed", after.name, detail, breaking=True)
    kind: Kind = "member" if after.is_enumeration else "field"
    yield from _values(kind, after.name, before.fields, after.fields, direction)


def _values(
    kind: Kind, owner: str, old: tuple[Value, ...], new: tuple[Value, ...], direction: _Direction
) -> Iterator[Change]:
    before = {value.name: value for value in old}
    after = {value.name: value for value in new}
    for name in before | after:
        subject = f"{owner}.{name}"
        if name not in after:
            yield Change(kind, "removed", subject, "", breaking=True, wire=before[name].wire)
        elif name not in before:
            value = after[name]
            breaking = value.required and direction.is_sent
            yield Change(kind, "added", subject, _describe(value, kind), breaking, wire=value.wire)
        elif before[name] != after[name]:
            detail = f"{_describe(before[name], kind)} -> {_describe(after[name], kind)}"
            breaking = kind == "member" or _breaks(before[name], after[name], direction)
            yield Change(kind, "changed", subject, detail, breaking, wire=before[name].wire)
    order = [name for name in before if name in after]
    if order != [name for name in after if name in before] and kind == "parameter":
        yield Change(kind, "changed", owner, "the order of the parameters is different", breaking=True)


def _breaks(before: Value, after: Value, direction: _Direction) -> bool:
    """Return whether a change of a value breaks code.

    Code that sends it breaks when a value is no longer accepted. Code that reads it breaks when there may be
    a new value: a field that may now be null or missing is breaking.
    """
    return (
        before.wire != after.wire
        or (direction.is_sent and not _includes(after, before))
        or (direction.is_read and not _includes(before, after))
    )


def _includes(wide: Value, narrow: Value) -> bool:
    """Return whether one value accepts everything that another does."""
    types = set(wide.type.split(" | "))
    return ("Any" in types or set(narrow.type.split(" | ")) <= types) and (
        narrow.required or not wide.required
    )


def _describe(value: Value, kind: Kind) -> str:
    if kind == "member":
        return f"= {value.type}"
    wire = f" as {value.wire}" if value.wire and value.wire != value.name else ""
    return f"({value.type}, {'required' if value.required else 'optional'}{wire})"

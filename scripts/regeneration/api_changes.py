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
        detail: The rest of it, in words.
        breaking: Whether code that worked may not work any more.
        used_by: The hand-written files that use the operation or model, or the field by its name in JSON.
        wire: The field's name in JSON, if it is one.
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
        usage: Which hand-written files use which operations and models.
        wire_usage: Which of them write which names of JSON.

    Returns:
        The changes: operations first, then models, each in the order of their names.
    """
    models = []
    for change in _models(old.models, new.models, _directions(old, new)):
        users = usage.get(change.subject.partition(".")[0], ())
        models.append(evolve(change, used_by=with_wire_users(users, change.wire, wire_usage or {})))
    return (*_operations(old.operations, new.operations, usage), *models)


def with_wire_users(users: tuple[str, ...], wire: str, wire_usage: Usage) -> tuple[str, ...]:
    """Add the files that write a field's name in JSON to those that use what it belongs to.

    Fields of the same name are everywhere, so nothing is added where no file uses what it belongs to.
    """
    return tuple(sorted({*users, *wire_usage.get(wire, ())})) if users and wire else users


@frozen
class _Direction:
    """Which way the values of a model go: users write those of requests, and read those of responses."""

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
    """Return the models that types name, and those that are in them."""
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
            # Nothing is known of a model that no operation uses, so it counts as both sent and read.
            yield from _model(before, after, directions.get(name, _Direction()))


def _model(before: GeneratedModel, after: GeneratedModel, direction: _Direction) -> Iterator[Change]:
    if before.is_enumeration != after.is_enumeration:
        detail = "is an enumeration now" if after.is_enumeration else "is not an enumeration any more"
        yield Change("model", "changed", after.name, detail, breaking=True)
        return
    if before.extra != after.extra:
        detail = f"further properties: {before.extra or 'none'} -> {after.extra or 'none'}"
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
        yield Change(kind, "changed", owner, "parameters have another order", breaking=True)


def _breaks(before: Value, after: Value, direction: _Direction) -> bool:
    """Return whether a change of a value breaks code.

    Code that sends it breaks when a value is not accepted any more. Code that reads it breaks when there is
    a value that it did not have to expect: a field that may now be null, or be missing, is breaking.
    """
    return (
        before.wire != after.wire
        or (direction.is_sent and not _includes(after, before))
        or (direction.is_read and not _includes(before, after))
    )


def _includes(wide: Value, narrow: Value) -> bool:
    """Return whether everything that fits one value fits another too."""
    types = set(wide.type.split(" | "))
    return ("Any" in types or set(narrow.type.split(" | ")) <= types) and (
        narrow.required or not wide.required
    )


def _describe(value: Value, kind: Kind) -> str:
    if kind == "member":
        return f"= {value.type}"
    wire = f" as {value.wire}" if value.wire and value.wire != value.name else ""
    return f"({value.type}, {'required' if value.required else 'optional'}{wire})"

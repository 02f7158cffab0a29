"""Tell what changed between two generated packages, and what that breaks."""

from collections.abc import Iterator, Mapping
from typing import Literal

from attrs import evolve, frozen

from regeneration.facade_usage import Usage
from regeneration.surface import GeneratedModel, GeneratedOperation, Surface, Value

Kind = Literal["operation", "parameter", "answer", "model", "field", "member"]
What = Literal["added", "removed", "changed"]


@frozen
class Change:
    """A change that users of the package can notice.

    Attributes:
        kind: What kind of thing changed.
        what: What became of it.
        subject: Its name, after that of its operation or model.
        detail: The rest of it, in words.
        breaking: Whether code that worked may not work any more.
        used_by: The facade's files that use the operation or model.
    """

    kind: Kind
    what: What
    subject: str
    detail: str
    breaking: bool
    used_by: tuple[str, ...] = ()

    def __str__(self) -> str:
        mark = "BREAKING" if self.breaking else ""
        users = f"  [used by {', '.join(self.used_by)}]" if self.used_by else ""
        return f"{mark:8}  {self.kind} {self.what}: {self.subject} {self.detail}".rstrip() + users


def compare(old: Surface, new: Surface, usage: Usage) -> tuple[Change, ...]:
    """Tell what changed.

    Args:
        old: The package before.
        new: The package now.
        usage: What the facade uses.

    Returns:
        The changes: operations first, then models, each in the order of their names.
    """
    changes = [*_operations(old.operations, new.operations, usage), *_models(old.models, new.models, usage)]
    return tuple(changes)


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
    yield from _values("parameter", after.module, before.parameters, after.parameters)
    if before.answer != after.answer:
        gone = set(before.answer.split(" | ")) - set(after.answer.split(" | "))
        detail = f"{before.answer} -> {after.answer}"
        yield Change("answer", "changed", after.module, detail, breaking=bool(gone))


def _models(
    old: Mapping[str, GeneratedModel], new: Mapping[str, GeneratedModel], usage: Usage
) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        users = usage.get(name, ())
        if after is None:
            yield Change("model", "removed", name, "", breaking=True, used_by=users)
        elif before is None:
            yield Change("model", "added", name, "", breaking=False, used_by=users)
        else:
            for change in _model(before, after):
                yield evolve(change, used_by=users)


def _model(before: GeneratedModel, after: GeneratedModel) -> Iterator[Change]:
    if before.is_enumeration != after.is_enumeration:
        detail = "is an enumeration now" if after.is_enumeration else "is no enumeration any more"
        yield Change("model", "changed", after.name, detail, breaking=True)
        return
    if before.extra != after.extra:
        detail = f"further properties: {before.extra or 'none'} -> {after.extra or 'none'}"
        yield Change("model", "changed", after.name, detail, breaking=True)
    kind: Kind = "member" if after.is_enumeration else "field"
    yield from _values(kind, after.name, before.fields, after.fields)


def _values(kind: Kind, owner: str, old: tuple[Value, ...], new: tuple[Value, ...]) -> Iterator[Change]:
    before = {value.name: value for value in old}
    after = {value.name: value for value in new}
    for name in before | after:
        subject = f"{owner}.{name}"
        if name not in after:
            yield Change(kind, "removed", subject, "", breaking=True)
        elif name not in before:
            value = after[name]
            yield Change(kind, "added", subject, _describe(value, kind), breaking=value.required)
        elif before[name] != after[name]:
            detail = f"{_describe(before[name], kind)} -> {_describe(after[name], kind)}"
            breaking = kind != "parameter" or not _accepts_all(after[name], before[name])
            yield Change(kind, "changed", subject, detail, breaking=breaking)
    order = [name for name in before if name in after]
    if order != [name for name in after if name in before] and kind == "parameter":
        yield Change(kind, "changed", owner, "come in another order", breaking=True)


def _accepts_all(after: Value, before: Value) -> bool:
    """Return whether a parameter takes whatever it took before."""
    types = set(after.type.split(" | "))
    return ("Any" in types or set(before.type.split(" | ")) <= types) and (
        before.required or not after.required
    )


def _describe(value: Value, kind: Kind) -> str:
    if kind == "member":
        return f"= {value.type}"
    wire = f" as {value.wire}" if value.wire and value.wire != value.name else ""
    return f"({value.type}, {'required' if value.required else 'optional'}{wire})"

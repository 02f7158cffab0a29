"""Compare two published documents.

The generated package has no limits and no servers, and the overlay hides the values that it replaces. So the
documents are compared as they were published, before repairs and overlay.
"""

from collections.abc import Iterator
from typing import Any, Final

from attrs import evolve, frozen

from regeneration.document_walk import METHODS, Document, listing, mapping, resolve
from regeneration.schema_changes import Difference, Part, Versions, compare_schemas, words

#: The details of added and removed operations.
OPERATION_ADDED: Final = "operation added"
OPERATION_REMOVED: Final = "operation removed"
# Keywords that set how a parameter is serialized.
_STYLES: Final = ("style", "explode", "allowReserved", "allowEmptyValue")
_Content = dict[str, Any]


@frozen
class DocumentChange:
    """A change of the published document.

    Attributes:
        subject: What changed, such as ``POST /customers body.name``, or the name of a component.
        detail: How it changed, in words.
        breaking: Whether it may break code that works.
        operations: The operations that it affects, each as ``POST /customers/{}``.
        wire: The JSON name of the field that changed; empty if it is not a field.
        used_by: The hand-written files that use it.
    """

    subject: str
    detail: str
    breaking: bool
    operations: tuple[str, ...] = ()
    wire: str = ""
    used_by: tuple[str, ...] = ()

    def __str__(self) -> str:
        mark = "BREAKING" if self.breaking else ""
        users = f"  [used by {', '.join(self.used_by)}]" if self.used_by else ""
        return f"{mark:8}  {self.subject}: {self.detail}{users}"


def compare_documents(old: Document, new: Document) -> tuple[DocumentChange, ...]:
    """Compare two documents as they were published.

    A change is breaking if it may break code that works. The rules for schemas are in ``is_breaking``. These
    are breaking too:

    - an operation, parameter, request body, media type, server or successful response is removed
    - a parameter or a request body is added that is required, or becomes required
    - a parameter is serialized in another way
    - a response no longer has a body, or there is a new successful response
    - the keys that were enough no longer are, or they are sent in another way

    Optional additions, responses with an error status and ``deprecated`` are not breaking.

    Args:
        old: The document before.
        new: The document now.

    Returns:
        The changes: of servers and keys, then of operations and components, in the order of the old document.
        A change of a component is reported once, with all operations that use it.
    """
    merged: dict[tuple[str, str], DocumentChange] = {}
    for key, one in _all_differences(old, new):
        found = merged.get((one.subject, one.detail))
        if found is None:
            found = DocumentChange(one.subject, one.detail, one.breaking, (), one.wire)
        operations = found.operations if not key or key in found.operations else (*found.operations, key)
        merged[one.subject, one.detail] = evolve(
            found, breaking=found.breaking or one.breaking, operations=operations
        )
    return tuple(merged.values())


def _all_differences(old: Document, new: Document) -> Iterator[tuple[str, Difference]]:
    """Yield each difference with the operation that it affects, or with an empty string."""
    for one in (*_servers("servers", old, new), *_security_schemes(old, new)):
        yield "", one
    before, after = _operations(old), _operations(new)
    for one in _inherited_security(old, new, before, after):
        yield "", one
    for key in before | after:
        if key not in after:
            yield key, Difference(key, OPERATION_REMOVED, breaking=True)
        elif key not in before:
            yield key, Difference(key, OPERATION_ADDED, breaking=False)
        else:
            for one in _operation(key, before[key], after[key], Versions(old, new)):
                yield key, one


@frozen
class _Published:
    """An operation, with the path item that it belongs to."""

    path: str
    item: _Content
    content: _Content


def _operations(document: Document) -> dict[str, _Published]:
    """Return the operations by method and path, without the names of path parameters."""
    found = {}
    for path, listed in mapping(document.get("paths")).items():
        item = resolve(document, listed)
        for method in METHODS:
            if isinstance(content := item.get(method), dict):
                found[f"{method.upper()} {_without_names(path)}"] = _Published(path, item, content)
    return found


def _without_names(path: str) -> str:
    return "/".join(part.partition("{")[0] + "{}" if "{" in part else part for part in path.split("/"))


def _servers(subject: str, old: _Content, new: _Content) -> Iterator[Difference]:
    before, after = listing(old.get("servers")), listing(new.get("servers"))
    urls = [[str(mapping(one).get("url")) for one in listed] for listed in (before, after)]
    if urls[0] != urls[1]:
        gone = not set(urls[0]) <= set(urls[1])
        yield Difference(subject, f"{words(urls[0] or None)} -> {words(urls[1] or None)}", gone)


def _security_schemes(old: Document, new: Document) -> Iterator[Difference]:
    before, after = (mapping(mapping(one.get("components")).get("securitySchemes")) for one in (old, new))
    needed = {name for one in _all_security(old) for name in mapping(one)}
    for name in before | after:
        subject = f"security scheme {name}"
        if name not in after:
            # Whether an operation needs it is compared for each operation.
            yield Difference(subject, "removed", breaking=name in needed)
        elif name not in before:
            yield Difference(subject, "added", breaking=False)
        else:
            was, now = resolve(old, before[name]), resolve(new, after[name])
            for key in was | now:
                if key != "description" and not key.startswith("x-") and was.get(key) != now.get(key):
                    detail = f"{key} {words(was.get(key))} -> {words(now.get(key))}"
                    yield Difference(subject, detail, breaking=True)


def _all_security(document: Document) -> Iterator[Any]:
    """Yield the sets of keys that the operations of a document accept."""
    for operation in _operations(document).values():
        yield from listing(operation.content.get("security", document.get("security")))


def _inherited_security(
    old: Document, new: Document, before: dict[str, _Published], after: dict[str, _Published]
) -> Iterator[Difference]:
    """Yield the change of the keys of all operations without keys of their own."""
    was, now = listing(old.get("security")), listing(new.get("security"))
    if was != now:
        inherits = any(
            "security" not in operations[key].content
            for operations in (before, after)
            for key in before.keys() & after.keys()
        )
        yield Difference("security", _keys(was, now), breaking=inherits and _needs_more(was, now))


def _operation(key: str, old: _Published, new: _Published, versions: Versions) -> Iterator[Difference]:
    before, after = old.content, new.content
    if (was := before.get("deprecated") is True) != (now := after.get("deprecated") is True):
        yield Difference(key, f"deprecated {words(was)} -> {words(now)}", breaking=False)
    for subject, parts in ((f"{key} servers", (before, after)), (f"{key} servers", (old.item, new.item))):
        yield from _servers(subject, *parts)
    if "security" in before or "security" in after:
        keys = [
            listing(content.get("security", document.get("security")))
            for content, document in ((before, versions.old), (after, versions.new))
        ]
        if keys[0] != keys[1]:
            yield Difference(f"{key} security", _keys(*keys), _needs_more(*keys))
    yield from _parameters(key, old, new, versions)
    yield from _request_bodies(key, before, after, versions)
    yield from _responses(key, before, after, versions)


def _keys(old: list[Any], new: list[Any]) -> str:
    """Write the change from one list of alternative sets of keys to another."""
    texts = [" or ".join(" and ".join(mapping(one)) or "no keys" for one in listed) for listed in (old, new)]
    return f"{texts[0] or 'no keys'} -> {texts[1] or 'no keys'}"


def _needs_more(old: list[Any], new: list[Any]) -> bool:
    """Return whether a set of keys that was enough no longer is."""
    wanted = [set(mapping(one)) for one in new] or [set()]
    return any(not any(some <= set(mapping(one)) for some in wanted) for one in old or [{}])


def _parameters(key: str, old: _Published, new: _Published, versions: Versions) -> Iterator[Difference]:
    before, after = _declared(versions.old, old), _declared(versions.new, new)
    for place in before | after:
        was, now = before.get(place), after.get(place)
        subject = f"{key} {place}"
        if was is None or now is None:
            required = (now or {}).get("required") is True
            detail = "removed" if now is None else f"added, {'required' if required else 'optional'}"
            yield Difference(subject, detail, breaking=now is None or required)
            continue
        if place.startswith("path parameter") and was.get("name") != now.get("name"):
            # The name of a path parameter is not sent.
            yield Difference(subject, f"name {was.get('name')} -> {now.get('name')}", breaking=False)
        yield from _need(subject, was, now)
        if (marked := was.get("deprecated") is True) != (now.get("deprecated") is True):
            yield Difference(subject, f"deprecated {words(marked)} -> {words(not marked)}", breaking=False)
        for name in _STYLES:
            if was.get(name) != now.get(name):
                yield Difference(
                    subject, f"{name} {words(was.get(name))} -> {words(now.get(name))}", breaking=True
                )
        part = Part(subject, "sent", str(now.get("name")))
        yield from compare_schemas(was.get("schema"), now.get("schema"), part, versions)
        yield from _media(part, was, now, versions)


def _declared(document: Document, operation: _Published) -> dict[str, _Content]:
    """Return the parameters of an operation by their place in the request and their name."""
    listed = listing(operation.item.get("parameters")) + listing(operation.content.get("parameters"))
    found = {}
    for parameter in (resolve(document, one) for one in listed):
        kind, name = str(parameter.get("in")), str(parameter.get("name"))
        if kind == "path":
            places = operation.path.split("{")[1:]
            numbers = [number for number, part in enumerate(places, start=1) if part.startswith(name + "}")]
            name = str(numbers[0]) if numbers else name
        # The case of header names does not matter.
        found[f"{kind} parameter {name.lower() if kind == 'header' else name}"] = parameter
    return found


def _need(subject: str, old: _Content, new: _Content) -> Iterator[Difference]:
    was, now = ("required" if one.get("required") is True else "optional" for one in (old, new))
    if was != now:
        yield Difference(subject, f"{was} -> {now}", breaking=now == "required")


def _request_bodies(key: str, before: _Content, after: _Content, versions: Versions) -> Iterator[Difference]:
    was, now = (
        resolve(document, one.get("requestBody"))
        for document, one in ((versions.old, before), (versions.new, after))
    )
    subject = f"{key} body"
    if bool(was) != bool(now):
        required = now.get("required") is True
        detail = f"added, {'required' if required else 'optional'}" if now else "removed"
        yield Difference(subject, detail, breaking=required or not now)
        return
    yield from _need(subject, was, now)
    yield from _media(Part(subject, "sent"), was, now, versions)


def _responses(key: str, before: _Content, after: _Content, versions: Versions) -> Iterator[Difference]:
    old, new = mapping(before.get("responses")), mapping(after.get("responses"))
    for code in old | new:
        subject = f"{key} response {code}"
        if code not in new:
            yield Difference(subject, "removed", breaking=_is_success(code))
        elif code not in old:
            yield Difference(subject, "added", breaking=_is_success(code))
        else:
            was, now = resolve(versions.old, old[code]), resolve(versions.new, new[code])
            if bool(was.get("content")) != bool(now.get("content")):
                has_body = bool(now.get("content"))
                detail = "has a body now" if has_body else "no longer has a body"
                yield Difference(subject, detail, breaking=not has_body)
            else:
                yield from _media(Part(subject, "read"), was, now, versions)


def _is_success(code: str) -> bool:
    return not code.startswith(("4", "5", "default"))


def _media(part: Part, old: _Content, new: _Content, versions: Versions) -> Iterator[Difference]:
    before, after = mapping(old.get("content")), mapping(new.get("content"))
    for kind in before | after:
        inner = part.below(f" {kind}")
        if kind not in after:
            yield inner.difference("removed", breaking=True)
        elif kind not in before:
            yield inner.difference("added", breaking=False)
        else:
            was, now = (mapping(one[kind]).get("schema") for one in (before, after))
            # A single media type is not named.
            yield from compare_schemas(was, now, part if len(before | after) == 1 else inner, versions)

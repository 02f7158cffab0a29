"""Compare two versions of a published schema, and decide which changes are breaking."""

import json
from collections.abc import Iterator
from typing import Any, Final, Literal

from attrs import evolve, field, frozen

from regeneration.document_walk import Document, listing, mapping, resolve

#: Whether users send a value, in a request, or read it, in a response.
Direction = Literal["sent", "read"]

_UPPER: Final = frozenset(
    {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"}
)
_LOWER: Final = frozenset(
    {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"}
)
_UNIONS: Final = ("oneOf", "anyOf")
# Keywords that describe a value and do not restrict it. Titles give models their names, which are compared in
# the generated package.
_WORDS: Final = frozenset(
    {
        "title",
        "description",
        "summary",
        "example",
        "examples",
        "externalDocs",
        "xml",
        "$comment",
        "$id",
        "$schema",
    }
)
# Keywords that have a comparison of their own.
_STRUCTURE: Final = frozenset(
    {"$ref", "properties", "required", "items", "additionalProperties", "nullable", "type", "prefixItems"}
    | {"allOf", *_UNIONS}
)
_FLAGS: Final = frozenset({"uniqueItems", "readOnly", "writeOnly", "deprecated"})
_NULL: Final = {"type": "null"}


@frozen
class Difference:
    """A difference between two versions of a part of a document.

    Attributes:
        subject: The part, such as ``POST /batch/events body.body[].customerId``.
        detail: The difference, in words.
        breaking: Whether it may break code that works.
        wire: The JSON name of the field; empty if it is not about a field.
    """

    subject: str
    detail: str
    breaking: bool
    wire: str = ""


@frozen
class Versions:
    """The two documents, for following references, and the components that were compared already."""

    old: Document
    new: Document
    seen: set[tuple[str, str, Direction]] = field(factory=set)


@frozen
class Part:
    """A part of a document that is compared.

    Attributes:
        subject: Its name. The name of a part of a component begins with the component.
        direction: Whether its values are sent or read.
        wire: The JSON name of the field that it is, or is in; empty if there is none.
    """

    subject: str
    direction: Direction
    wire: str = ""

    def difference(self, detail: str, *, breaking: bool) -> Difference:
        """Return a difference of this part."""
        return Difference(self.subject, detail, breaking, self.wire)

    def below(self, label: str, wire: str = "") -> "Part":
        """Return a part of this part."""
        return Part(self.subject + label, self.direction, wire or self.wire)


def is_breaking(keyword: str, before: Any, after: Any, direction: Direction) -> bool:  # noqa: ANN401 - JSON
    """Return whether a change of a keyword may break code that works.

    Values that are sent must still be accepted, and values that are read must not be new to the code. So a
    narrower schema breaks sending, and a wider one breaks reading:

    ==================  ===================================  =========================================
    keyword             breaks sending                       breaks reading
    ==================  ===================================  =========================================
    type                a type is no longer accepted         a type is new, null included
    required            an optional field is required now    a required field is optional now
    properties          one is removed; a new one is         one is removed
                        required
    enum                it is new, or a value is removed     never: responses may have other values
    maximum, maxItems   it is new or lower                   it is removed or higher
    minimum, minLength  it is new or higher                  it is removed or lower
    pattern, format,    it is new or different               it is removed or different
    const, multipleOf
    and others
    uniqueItems         it becomes true                      it is no longer true
    readOnly            it becomes true                      never
    writeOnly           never                                it becomes true
    default             it is removed or different           never
    deprecated          never                                never
    ==================  ===================================  =========================================

    Args:
        keyword: The name of the keyword. Alternatives and properties are compared by ``compare_schemas``,
            which calls this with ``required`` for one property at a time.
        before: Its value; None if it was not there.
        after: Its value now; None if it was removed.
        direction: Whether values of the schema are sent or read.
    """
    if before == after or keyword == "deprecated":
        return False
    wide, narrow = (after, before) if direction == "sent" else (before, after)
    if keyword in {"type", "required", "enum"}:
        return _breaks_sets(keyword, wide, narrow, direction)
    if keyword == "uniqueItems":
        return wide is True
    if keyword in {"readOnly", "writeOnly"}:
        return after is True and (keyword == "readOnly") == (direction == "sent")
    if keyword == "default":
        return direction == "sent" and before is not None
    if wide is None or narrow is None:
        return wide is not None
    if isinstance(wide, int | float) and isinstance(narrow, int | float) and keyword in _UPPER | _LOWER:
        return narrow > wide if keyword in _UPPER else narrow < wide
    return True


def _breaks_sets(keyword: str, wide: Any, narrow: Any, direction: Direction) -> bool:  # noqa: ANN401 - JSON
    """Decide for keywords whose value is a set: the wide one must contain the narrow one."""
    if keyword == "required":
        return any(name not in listing(narrow) for name in listing(wide))
    if keyword == "enum" and direction == "read":
        return False
    if wide is None or narrow is None:
        return wide is not None
    accepted = {*wide, "integer"} if keyword == "type" and "number" in wide else wide
    return any(value not in accepted for value in narrow)


def types_of(schema: Document) -> list[str] | None:
    """Return the types of a schema, sorted, with ``null`` if it is nullable; None if it has no ``type``."""
    kinds = schema.get("type")
    if kinds is None:
        return None
    null = ["null"] if schema.get("nullable") is True else []
    return sorted({*(kinds if isinstance(kinds, list) else [kinds]), *null})


def compare_schemas(old: object, new: object, part: Part, versions: Versions) -> Iterator[Difference]:
    """Yield the differences between two schemas, in the order of the schema.

    Args:
        old: The schema before.
        new: The schema now.
        part: The part of the document that it describes.
        versions: The two documents. Components that were compared already are skipped.
    """
    references = str(mapping(old).get("$ref", "")), str(mapping(new).get("$ref", ""))
    if all(references):
        pair = (*references, part.direction)
        if pair in versions.seen:
            return
        versions.seen.add(pair)
        if references[0] == references[1]:
            part = evolve(part, subject=references[0].rpartition("/")[2])
    before, after = _simplified(versions.old, old), _simplified(versions.new, new)
    for keyword, was, now in _keywords(before, after):
        if was != now:
            breaking = is_breaking(keyword, was, now, part.direction)
            yield part.difference(f"{keyword} {words(was)} -> {words(now)}", breaking=breaking)
    yield from _fields(before, after, part, versions)
    yield from _others(before, after, part, versions)
    for key in ("allOf", *_UNIONS, "prefixItems"):
        yield from _alternatives(key, before, after, part, versions)


def words(value: object) -> str:
    """Write a value of a document as readable text."""
    if value is None:
        return "none"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " or ".join(value)
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value


def _simplified(document: Document, schema: object) -> Document:
    """Follow references, and write nullable schemas and those with a single part in one form."""
    if not isinstance(schema, dict):
        # A boolean is a schema too: false accepts nothing.
        return {"not": {}} if schema is False else {}
    plain = {**resolve(document, schema), **{key: one for key, one in schema.items() if key != "$ref"}}
    for key in ("allOf", *_UNIONS):
        parts = listing(plain.get(key))
        others = [part for part in parts if part != _NULL]
        is_nullable = key in _UNIONS and len(parts) == len(others) + 1
        if len(others) == 1 and (is_nullable or (key == "allOf" and len(parts) == 1)):
            rest = {name: one for name, one in plain.items() if name != key}
            nullable = {"nullable": True} if is_nullable else {}
            return {**_simplified(document, others[0]), **rest, **nullable}
    return plain


def _keywords(before: Document, after: Document) -> Iterator[tuple[str, Any, Any]]:
    yield "type", types_of(before), types_of(after)
    for key in before | after:
        if key not in _WORDS | _STRUCTURE and not key.startswith("x-"):
            was, now = before.get(key), after.get(key)
            # These are false by default.
            yield (key, was or None, now or None) if key in _FLAGS else (key, was, now)


def _fields(before: Document, after: Document, part: Part, versions: Versions) -> Iterator[Difference]:
    old, new = mapping(before.get("properties")), mapping(after.get("properties"))
    required = listing(before.get("required")), listing(after.get("required"))
    for name in dict.fromkeys([*old, *new, *required[0], *required[1]]):
        inner = part.below(f".{name}", name)
        was, now = ("required" if name in names else "optional" for names in required)
        if name in old and name not in new:
            yield inner.difference("removed", breaking=True)
        elif name in new and name not in old:
            yield inner.difference(f"added, {now}", breaking=part.direction == "sent" and now == "required")
        else:
            if was != now:
                before_and_after = [[name] if one == "required" else [] for one in (was, now)]
                breaking = is_breaking("required", before_and_after[0], before_and_after[1], part.direction)
                yield inner.difference(f"{was} -> {now}", breaking=breaking)
            yield from compare_schemas(old.get(name), new.get(name), inner, versions)


def _others(before: Document, after: Document, part: Part, versions: Versions) -> Iterator[Difference]:
    """Compare the items of arrays, and additional properties."""
    if "items" in before or "items" in after:
        yield from compare_schemas(before.get("items"), after.get("items"), part.below("[]"), versions)
    # By default, an object may have any additional properties.
    was, now = (one.get("additionalProperties", True) for one in (before, after))
    if was is False or now is False:
        if was is not now:
            texts = ("none" if one is False else "any" for one in (was, now))
            detail = f"additional properties {' -> '.join(texts)}"
            yield part.difference(detail, breaking=part.direction == "sent" and now is False)
    elif isinstance(was, dict) or isinstance(now, dict):
        yield from compare_schemas(was, now, part.below(".*"), versions)


def _alternatives(
    key: str, before: Document, after: Document, part: Part, versions: Versions
) -> Iterator[Difference]:
    old, new = listing(before.get(key)), listing(after.get(key))
    if len(old) == len(new):
        for number, (was, now) in enumerate(zip(old, new, strict=True), start=1):
            inner = part if key == "allOf" else part.below(f" ({key} {number})")
            yield from compare_schemas(was, now, inner, versions)
        return
    wide, narrow = (after, before) if part.direction == "sent" else (before, after)
    accepted = listing(wide.get(key))
    # A schema without alternatives counts as the only one.
    alternatives = listing(narrow.get(key)) or [narrow]
    lost = bool(accepted) and any(one not in accepted for one in alternatives)
    yield part.difference(f"{key} of {len(old)} -> of {len(new)}", breaking=lost or key not in _UNIONS)

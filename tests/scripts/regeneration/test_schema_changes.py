import copy
from typing import Any

import pytest
from regeneration.document_walk import Document
from regeneration.schema_changes import (
    Difference,
    Direction,
    Part,
    Versions,
    compare_schemas,
    is_breaking,
    types_of,
    words,
)

# A keyword, two values of it, and whether a change from the first to the second breaks what is sent and what
# is read; last, whether the change back does.
CHANGES: list[tuple[str, Any, Any, tuple[bool, bool], tuple[bool, bool]]] = [
    ("type", ["string"], ["null", "string"], (False, True), (True, False)),
    ("type", ["integer"], ["number"], (False, True), (True, False)),
    ("type", ["string"], None, (False, True), (True, False)),
    ("required", ["a"], ["a", "b"], (True, False), (False, True)),
    ("enum", ["a"], ["a", "b"], (False, False), (True, False)),
    ("maxItems", 1000, 1001, (False, True), (True, False)),
    ("exclusiveMaximum", 1, 1.5, (False, True), (True, False)),
    ("minLength", 1, 0, (False, True), (True, False)),
    ("maxLength", 50, None, (False, True), (True, False)),
    ("pattern", "^a", "^b", (True, True), (True, True)),
    ("multipleOf", 5, 10, (True, True), (True, True)),
    ("uniqueItems", True, None, (False, True), (True, False)),
    ("readOnly", None, True, (True, False), (False, False)),
    ("writeOnly", None, True, (False, True), (False, False)),
    ("default", "a", "b", (True, False), (True, False)),
    ("default", None, "a", (False, False), (True, False)),
    ("deprecated", None, True, (False, False), (False, False)),
]


@pytest.mark.parametrize(("keyword", "one", "other", "there", "back"), CHANGES)
def test_a_change_is_breaking_as_the_table_says(
    keyword: str, one: object, other: object, there: tuple[bool, bool], back: tuple[bool, bool]
) -> None:
    directions: tuple[Direction, Direction] = ("sent", "read")
    assert tuple(is_breaking(keyword, one, other, direction) for direction in directions) == there
    assert tuple(is_breaking(keyword, other, one, direction) for direction in directions) == back
    assert not any(is_breaking(keyword, one, one, direction) for direction in directions)


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ({}, None),
        ({"nullable": True}, None),
        ({"type": "string"}, ["string"]),
        ({"type": "string", "nullable": True}, ["null", "string"]),
        ({"type": ["string", "null"]}, ["null", "string"]),
    ],
)
def test_the_types_of_a_schema_are_a_sorted_list_with_null(schema: Document, types: list[str] | None) -> None:
    assert types_of(schema) == types


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "none"), ("a b", "a b"), (["a", "b"], "a or b"), (True, "true"), ({"é": [1]}, '{"é": [1]}')],
)
def test_a_value_is_written_for_people(value: object, text: str) -> None:
    assert words(value) == text


def differences(old: object, new: object, document: Document | None = None) -> list[Difference]:
    versions = Versions(document or {}, copy.deepcopy(document or {}))
    return list(compare_schemas(old, new, Part("body", "sent"), versions))


def test_a_difference_is_reported_with_its_path_and_the_name_of_its_field() -> None:
    def nested(limit: int) -> Document:
        return {"properties": {"tags": {"items": {"properties": {"name": {"maxLength": limit}}}}}}

    assert differences(nested(2), nested(1)) == [
        Difference("body.tags[].name", "maxLength 2 -> 1", breaking=True, wire="name")
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"type": "string", "nullable": True}, {"type": ["null", "string"]}),
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"type": "string"}, {"allOf": [{"type": "string"}], "description": "New."}),
        ({"type": "string", "title": "A"}, {"type": "string", "title": "B", "x-order": 1}),
        ({"uniqueItems": False, "additionalProperties": True}, {}),
        ({}, True),
    ],
)
def test_schemas_that_mean_the_same_have_no_difference(one: object, other: object) -> None:
    assert differences(one, other) == []
    assert differences(other, one) == []


def test_a_schema_that_accepts_nothing_is_different_from_one_that_accepts_anything() -> None:
    old: object = True
    new: object = False
    (found,) = differences(old, new)
    assert found.breaking


def test_a_schema_that_refers_to_itself_is_compared_once() -> None:
    reference = {"$ref": "#/components/schemas/Node"}
    old = {"components": {"schemas": {"Node": {"properties": {"next": reference, "text": {"maxLength": 2}}}}}}
    new = copy.deepcopy(old)
    new["components"]["schemas"]["Node"]["properties"]["text"] = {"maxLength": 1}
    versions = Versions(old, new)
    expected = [Difference("Node.text", "maxLength 2 -> 1", breaking=True, wire="text")]
    assert list(compare_schemas(reference, reference, Part("body", "sent"), versions)) == expected
    assert list(compare_schemas(reference, reference, Part("other", "sent"), versions)) == []
    # Read values follow other rules, so they are compared too.
    (read,) = compare_schemas(reference, reference, Part("response", "read"), versions)
    assert not read.breaking


@pytest.mark.parametrize(("direction", "added_breaks"), [("sent", False), ("read", True)])
def test_a_new_alternative_breaks_what_is_read_and_a_removed_one_what_is_sent(
    direction: Direction, added_breaks: bool
) -> None:
    text, number, flag = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
    few: Document = {"oneOf": [text, number]}
    many: Document = {"oneOf": [text, number, flag]}
    part, versions = Part("body", direction), Versions({}, {})
    assert list(compare_schemas(few, many, part, versions)) == [
        Difference("body", "oneOf of 2 -> of 3", breaking=added_breaks)
    ]
    assert list(compare_schemas(many, few, part, versions)) == [
        Difference("body", "oneOf of 3 -> of 2", breaking=not added_breaks)
    ]

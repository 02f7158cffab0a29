import pytest
from regeneration.contradictions import find_contradictions
from regeneration.document_walk import Document

DOCUMENT: Document = {
    "info": {"title": "Published"},
    "body": {
        "description": "Published.",
        "maxItems": 500,
        "required": ["name"],
        "properties": {"name": {"$ref": "#/components/schemas/Name"}},
    },
    "components": {"schemas": {"Name": {"type": "string"}, "Number": {"type": "integer"}}},
}


def found(update: object, replaces: object = None) -> list[str]:
    return [str(one) for one in find_contradictions(DOCUMENT, ("body",), update, replaces)]


def test_another_value_than_the_published_one_is_found_with_both_and_its_place() -> None:
    assert found({"maxItems": 1000}) == ["says 1000 at #/body/maxItems, where 500 is published"]


@pytest.mark.parametrize(
    "update",
    [
        {"maxItems": 500},
        {"minItems": 1},
        {"description": "Ours."},
        {"required": ["other"]},
        {"properties": {"other": {"type": "integer"}}},
        {"properties": {"name": {"type": "string", "maxLength": 5}}},
        {"properties": {"name": {"$ref": "#/components/schemas/Name"}}},
    ],
    ids=[
        "the published value",
        "a new keyword",
        "a description",
        "an addition to a list",
        "a new field",
        "an addition to a component",
        "the published reference",
    ],
)
def test_an_update_that_only_adds_is_not_a_contradiction(update: Document) -> None:
    assert found(update) == []


def test_a_value_of_a_component_that_is_referred_to_can_be_contradicted() -> None:
    assert found({"properties": {"name": {"type": "integer"}}}) == [
        "says 'integer' at #/body/properties/name/type, where 'string' is published"
    ]


def test_another_reference_is_a_contradiction() -> None:
    (said,) = found({"properties": {"name": {"$ref": "#/components/schemas/Number"}}})
    assert "#/components/schemas/Number" in said
    assert "#/components/schemas/Name" in said


def test_a_reference_in_the_place_of_a_published_schema_is_a_contradiction() -> None:
    (said,) = found({"$ref": "#/components/schemas/Name"})
    assert said.startswith("says {'$ref': '#/components/schemas/Name'} at #/body, where ")


def test_a_value_that_is_replaced_on_purpose_is_not_a_contradiction() -> None:
    assert found({"maxItems": 1000}, {"maxItems": 500}) == []


def test_a_value_that_was_published_again_since_is_a_contradiction() -> None:
    assert found({"maxItems": 1000}, {"maxItems": 400}) != []


def test_a_place_that_is_not_published_cannot_be_contradicted() -> None:
    assert list(find_contradictions(DOCUMENT, ("other", "maxItems"), 1000)) == []

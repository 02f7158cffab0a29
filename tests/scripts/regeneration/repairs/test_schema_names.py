from typing import Any

from regeneration.document_walk import Document
from regeneration.generated_names import MAX_PATH, model_module
from regeneration.repairs.repair import make_repairs
from regeneration.repairs.schema_names import class_names, shorten_schema_names

OPERATION = "recordEverythingThatHappenedInTheShop"
LONG = "purchasedOrReturnedProductOfTheShop"


def operation(schema: Document) -> Document:
    """Return a document with one operation that has a body."""
    body = {"content": {"application/json": {"schema": schema}}}
    content = {"operationId": OPERATION, "tags": ["Shop"], "requestBody": body, "responses": {}}
    return {"paths": {"/x": {"post": content}}}


def body_of(document: Document) -> Any:
    return document["paths"]["/x"]["post"]["requestBody"]["content"]["application/json"]["schema"]


def shortened(document: Document) -> Document:
    """Repeat the repair: the name of an outer schema is part of the names of those in it."""
    while repairs := shorten_schema_names(document):
        document = make_repairs(document, repairs)
    return document


def an_object(**fields: Document) -> Document:
    return {"type": "object", "properties": fields}


def titles(*fields: str) -> dict[str, str]:
    """Return the titles of objects of one name in objects of several names."""
    text = {"type": "string"}
    document = operation(an_object(**{name: an_object(**{LONG: an_object(sku=text)}) for name in fields}))
    repaired = shortened(document)
    return {name: one["properties"][LONG]["title"] for name, one in body_of(repaired)["properties"].items()}


def test_short_names_stay_as_they_are() -> None:
    assert shorten_schema_names(operation(an_object(sku={"type": "string"}))) == []


def test_long_names_that_would_be_equal_contain_the_fields_around_them_in_any_order() -> None:
    fields = ["giftsOfTheLastYear", "ordersOfTheLastYear"]
    names = titles(*fields)
    assert names == {
        "giftsOfTheLastYear": "RecordGiftsOfTheLastYearOrReturnedProductOfTheShop",
        "ordersOfTheLastYear": "RecordOrdersOfTheLastYearOrReturnedProductOfTheShop",
    }
    assert titles(*fields[::-1]) == names


def test_long_names_that_stay_equal_get_a_digest_and_fit() -> None:
    fields = [f"{'veryLong' * 6}Field{kind}OfThePurchasedOrReturnedProductOfTheShop" for kind in "ABCDEFGH"]
    names = titles(*fields)
    assert len(set(names.values())) == len(fields)
    assert all(len(model_module(name)) <= MAX_PATH for name in names.values())
    assert titles(*fields[::-1]) == names


def test_a_long_enumeration_becomes_a_component() -> None:
    schema: Document = {"type": "string", "enum": ["a", "b"]}
    document = operation(an_object(**{LONG: an_object(**{LONG: schema})}))
    repaired = shortened(document)
    ((name, component),) = repaired["components"]["schemas"].items()
    assert component == {**schema, "title": name}
    assert len(model_module(name)) <= MAX_PATH


def test_inline_objects_are_named_by_their_places_and_components_and_enumerations_are_not() -> None:
    part: Document = {"$ref": "#/components/schemas/Part"}
    kind: Document = {"type": "string", "enum": ["a"]}
    document = operation(an_object(lines={"type": "array", "items": an_object(part=part, kind=kind)}))
    document["components"] = {"schemas": {"Part": an_object()}}
    place = ("paths", "/x", "post", "requestBody", "content", "application/json", "schema")
    assert class_names(document) == {
        place: "RecordEverythingThatHappenedInTheShopBody",
        (*place, "properties", "lines", "items"): "RecordEverythingThatHappenedInTheShopBodyLinesItem",
    }

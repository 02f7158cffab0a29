import pytest
import yaml
from regeneration.document_walk import (
    Document,
    Place,
    operations,
    place_of,
    pointer,
    resolve,
    schemas,
    value_at,
)


def read(text: str) -> Document:
    return {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, **yaml.safe_load(text)}


def test_schemas_are_found_in_every_part_of_a_document() -> None:
    document = read(
        """
        paths: {/x: {get: {parameters: [{schema: {title: a}}], callbacks: {c: {e: {post: {requestBody:
          {content: {x: {schema: {title: b}}}}}}}}}}}
        components:
          headers: {h: {schema: {title: c}}}
          schemas:
            s: {title: d, not: {title: e}, additionalProperties: {title: f}, x-s: {schema: {title: no}}}
        """
    )
    assert [node.content["title"] for node in schemas(document)] == list("abcdef")


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ((), "#"),
        (("paths", "/a~b", "get"), "#/paths/~1a~0b/get"),
        (("a~1",), "#/a~01"),
        (("servers", 0), "#/servers/0"),
    ],
)
def test_a_place_is_written_as_a_json_pointer_that_leads_back_to_it(place: Place, text: str) -> None:
    assert pointer(place) == text
    assert place_of(text) == tuple(map(str, place))


def test_a_value_is_found_at_its_place_or_not_at_all() -> None:
    document = read("servers: [{url: a}, {url: b}]")
    assert value_at(document, ("servers", 1, "url")) == "b"
    assert value_at(document, place_of("#/servers/1/url")) == "b"
    for place in (("servers", 2), ("servers", "url"), ("info", "title", "more"), ("none",)):
        with pytest.raises(LookupError):
            value_at(document, place)


def test_only_methods_are_operations_and_they_come_in_the_order_of_the_generator() -> None:
    document = read("paths: {/x: {post: {}, get: {}, summary: S, parameters: []}, /y: null}")
    assert [str(one) for one in operations(document)] == ["GET /x", "POST /x"]


def test_references_are_followed_to_their_end() -> None:
    document = read(
        """
        a: {$ref: '#/b'}
        b: {$ref: '#/c'}
        c: {here: true}
        circle: {$ref: '#/circle'}
        lost: {$ref: '#/nowhere'}
        """
    )
    assert resolve(document, document["a"]) == {"here": True}
    assert resolve(document, document["circle"]) == {}
    assert resolve(document, document["lost"]) == {}
    assert resolve(document, ["no", "mapping"]) == {}

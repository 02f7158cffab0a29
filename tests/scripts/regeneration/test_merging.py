import json

import pytest
from regenerate import published_text
from regeneration.merging import merge_sources
from regeneration.regeneration_error import RegenerationError
from regeneration.sources import DocumentSource, find_document


def document(**parts: object) -> str:
    return json.dumps({"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, **parts})


def sources(*texts: str) -> list[DocumentSource]:
    return [find_document(text, f"page-{number}") for number, text in enumerate(texts, start=1)]


def test_documents_are_merged_and_equal_parts_are_taken_once() -> None:
    one = document(paths={"/a": {"get": {"x": 1}}}, components={"schemas": {"S": {"type": "object"}}})
    two = document(paths={"/a": {"post": {}}, "/b": {}}, components={"schemas": {"S": {"type": "object"}}})
    merged = merge_sources(sources(one, two))
    assert merged["paths"] == {"/a": {"get": {"x": 1}, "post": {}}, "/b": {}}
    assert merged["components"] == {"schemas": {"S": {"type": "object"}}}


def test_the_order_of_the_sources_does_not_matter() -> None:
    one = document(paths={"/b": {"get": {"x": 1}}}, tags=[{"name": "B"}])
    two = document(components={"schemas": {"S": {}}}, paths={"/a": {"get": {}}}, tags=[{"name": "B"}])
    assert published_text(sources(one, two)) == published_text(sources(two, one))


def test_merging_does_not_modify_its_sources() -> None:
    given = sources(document(tags=[{"name": "A"}]), document(tags=[{"name": "B"}]))
    assert merge_sources(given)["tags"] == [{"name": "A"}, {"name": "B"}]
    assert given[0].document["tags"] == [{"name": "A"}]


def test_a_contradiction_names_both_sources_and_the_place() -> None:
    one = document(paths={"/a": {"get": {"responses": {"200": {"description": "Yes."}}}}})
    two = document(paths={"/a": {"get": {"responses": {"200": {"description": "No."}}}}})
    where = r"page-1 and page-2 differ at #/paths/~1a/get/responses/200/description"
    with pytest.raises(RegenerationError, match=where):
        merge_sources(sources(one, two))


def test_every_contradiction_is_listed() -> None:
    one = document(components={"schemas": {"A": {"type": "object"}, "B": {"type": "object"}}})
    two = document(components={"schemas": {"A": {"type": "string"}, "B": {"type": "string"}}})
    with pytest.raises(RegenerationError) as caught:
        merge_sources(sources(one, two))
    assert [line.rpartition("#")[2] for line in caught.value.details] == [
        "/components/schemas/A/type",
        "/components/schemas/B/type",
    ]


def test_the_operations_and_components_of_a_page_replace_those_of_the_accepted_document() -> None:
    accepted, page_text, other = sources(
        document(
            info={"title": "All"},
            paths={"/a": {"get": {"x": 1}, "put": {}}, "/b": {"get": {}}},
            components={"schemas": {"S": {"type": "object"}, "T": {}}},
        ),
        document(paths={"/a": {"get": {"x": 2}}}, components={"schemas": {"S": {"type": "string"}}}),
        document(paths={"/a": {"get": {"x": 3}}}),
    )
    merged = merge_sources([page_text, accepted], accepted)
    assert merged["info"] == {"title": "All"}
    assert merged["paths"] == {"/a": {"get": {"x": 2}, "put": {}}, "/b": {"get": {}}}
    assert merged["components"]["schemas"] == {"S": {"type": "string"}, "T": {}}
    # Two pages that say different things of one operation still contradict each other.
    with pytest.raises(RegenerationError, match="differ at #/paths/~1a/get"):
        merge_sources([accepted, page_text, other], accepted)


def test_a_page_does_not_change_the_servers_of_the_accepted_document() -> None:
    accepted, changed = sources(document(servers=[{"url": "a"}]), document(servers=[{"url": "b"}]))
    with pytest.raises(RegenerationError, match="differ at #/servers"):
        merge_sources([accepted, changed], accepted)

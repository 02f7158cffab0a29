"""openapi.yaml, the overlay, and the raw client that is generated from both."""

import json
from typing import Any

import pytest
from overlaid_document import ROOT, document
from regenerate import build_document
from regenerate_project import SEED
from regeneration.openapi_document import load_document
from regeneration.overlay import overlay_document
from regeneration.regeneration_error import RegenerationError


def test_every_operation_of_the_facade_has_an_id_a_tag_a_summary_keys_and_an_error_response() -> None:
    operations = {
        operation["operationId"]: operation
        for path in document()["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    }
    for name in ("sendEventsBatch", "getBatchJob", "stopBatchJob", "getBatchStatus", "stopBatch"):
        operation = operations[name]
        assert operation["tags"] == ["Batches"]
        # A published operation keeps its own words.
        assert operation.get("summary") or operation["description"]
        assert {"4XX", "5XX"} <= operation["responses"].keys()
        assert operation["security"] == [{"apiKey": [], "secretKey": []}]


def test_the_limit_of_1000_objects_and_the_integer_job_id_are_in_the_document() -> None:
    operation = document()["paths"]["/api/v4.0/integrations/batch/events"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]["body"]
    response = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert body["maxItems"] == 1000
    assert response["properties"]["jobId"]["type"] == ["integer", "null"]


def test_the_leftover_bearer_scheme_is_removed() -> None:
    assert "bearer" not in json.dumps(document()).lower()


def test_an_overlay_action_that_matches_nothing_is_an_error_that_names_it() -> None:
    overlay = {
        "actions": [
            {"target": "$.info", "update": {"title": "A"}},
            {"target": "$.paths.gone", "update": {}},
        ]
    }
    with pytest.raises(RegenerationError, match=r"action 2 matches nothing.*\$\.paths\.gone"):
        overlay_document({"info": {"title": "B"}, "paths": {}}, overlay)


def test_all_overlay_actions_that_match_nothing_are_listed_at_once() -> None:
    targets = ["$.info", "$.paths.gone", "$.paths.moved", "$.paths.optional"]
    actions: list[dict[str, Any]] = [{"target": target, "update": {}} for target in targets]
    actions[3]["x-optional"] = True
    with pytest.raises(RegenerationError, match="2 overlay actions match nothing") as caught:
        overlay_document({"info": {"title": "B"}, "paths": {}}, {"actions": actions})
    assert caught.value.details == (
        "overlay action 2 matches nothing: $.paths.gone",
        "overlay action 3 matches nothing: $.paths.moved",
    )


def test_a_document_without_the_leftover_bearer_scheme_is_accepted() -> None:
    published = load_document(SEED)
    del published["components"]["securitySchemes"]["bearerAuth"]
    built, _ = build_document(ROOT, published)
    assert built == build_document(ROOT, load_document(SEED))[0]


@pytest.mark.parametrize(
    ("published", "update", "replaces", "said"),
    [
        ({"maxItems": 500}, {"maxItems": 1000}, None, "says 1000 at #/a~1b/maxItems, where 500 is published"),
        ({"maxItems": 1000}, {"maxItems": 1000}, None, None),
        ({}, {"maxItems": 1000}, None, None),
        ({"type": "number"}, {"type": "integer"}, {"type": "number"}, None),
        (
            {"type": "string"},
            {"type": "integer"},
            {"type": "number"},
            "says 'integer' at #/a~1b/type, where 'string' is published",
        ),
        ({"in": {"x": {"y": 1}}}, {"in": {"x": {"y": 2}}}, {"in": {"x": {"y": 1}}}, None),
        ({"in": {"x": {"y": 1}}}, {"in": {"x": {"y": 2}}}, None, "says 2 at #/a~1b/in/x/y"),
        ({"in": "x"}, {"in": {"x": 1}}, None, "says {'x': 1} at #/a~1b/in, where 'x' is published"),
        (
            {"$ref": "#/x"},
            {"type": "integer"},
            None,
            "says 'integer' at #/a~1b/type, where 'text' is published",
        ),
        ({"$ref": "#/x"}, {"maxItems": 1}, None, None),
        ({"$ref": "#/x"}, {"$ref": "#/y"}, None, "says '#/y' at #/a~1b/$ref"),
        ({"type": "object"}, {"$ref": "#/y"}, None, "says {'$ref': '#/y'} at #/a~1b"),
        ({"description": "Theirs."}, {"$ref": "#/y"}, None, None),
        ({"title": "Theirs", "summary": "S"}, {"title": "Ours", "summary": "T"}, None, None),
        ({"required": ["a"]}, {"required": ["b"]}, None, None),
    ],
)
def test_an_overlay_value_that_contradicts_a_published_one_is_an_error_that_names_both_and_the_place(
    published: dict[str, Any], update: dict[str, Any], replaces: dict[str, Any] | None, said: str | None
) -> None:
    action = {"target": "$['a/b']", "update": update, "x-replaces": replaces}
    document = {"a/b": published, "x": {"type": "text"}}
    if said is None:
        overlay_document(document, {"actions": [action]})
        return
    with pytest.raises(RegenerationError) as caught:
        overlay_document(document, {"actions": [action]})
    assert f"overlay action 1 {said}" in str(caught.value)


def test_an_overlay_action_may_replace_a_value_of_an_earlier_one() -> None:
    actions = [{"target": "$.a", "update": {"b": value}} for value in (1, 2)]
    assert overlay_document({"a": {}}, {"actions": actions}) == {"a": {"b": 2}}


def test_a_published_limit_or_type_that_the_overlay_contradicts_is_an_error() -> None:
    published = load_document(SEED)
    operation = published["paths"]["/api/v4.0/integrations/batch/events"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    schema["properties"]["body"]["maxItems"] = 500
    response = operation["responses"]["200"]["content"]["application/json"]["schema"]
    response["properties"]["jobId"]["type"] = "string"
    with pytest.raises(RegenerationError, match="the overlay contradicts what is published") as caught:
        build_document(ROOT, published)
    limit, kind = caught.value.details
    assert "says 1000 at " in limit
    assert limit.endswith("/body/maxItems, where 500 is published")
    assert "says 'integer' at " in kind
    assert kind.endswith("/jobId/type, where 'string' is published")


@pytest.mark.parametrize("target", [None, "", "$.paths[", "$[[", 7])
def test_an_overlay_action_whose_target_is_not_a_json_path_is_an_error_that_names_it(target: object) -> None:
    with pytest.raises(
        RegenerationError, match="overlay action 1 has the target .*, which is not a JSON path"
    ):
        overlay_document({}, {"actions": [{"target": target, "remove": True}]})


def test_an_overlay_action_is_skipped_where_its_x_unless_matches() -> None:
    action = {"target": "$.info", "x-unless": "$.info.title", "update": {"version": "2"}}
    overlay = {"actions": [action]}
    assert overlay_document({"info": {"title": "T"}}, overlay) == {"info": {"title": "T"}}
    assert overlay_document({"info": {}}, overlay) == {"info": {"version": "2"}}


def test_only_an_optional_overlay_action_may_match_nothing() -> None:
    document: dict[str, Any] = {"paths": {}}
    action = {"target": "$.paths['/gone']", "remove": True}
    assert overlay_document(document, {"actions": [{**action, "x-optional": True}]}) == document
    with pytest.raises(RegenerationError, match=r"overlay action 1 matches nothing.*/gone"):
        overlay_document(document, {"actions": [action]})


def test_an_overlay_does_not_change_the_document_it_is_applied_to() -> None:
    original = {"info": {"title": "B"}}
    overlay_document(original, {"actions": [{"target": "$.info", "update": {"title": "A"}}]})
    assert original == {"info": {"title": "B"}}

"""Faults that are not repaired are refused with their place, and a line for the overlay."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from regenerate_project import NO_OVERLAY, Repository, copy_repository
from regeneration import validation
from regeneration.document_walk import pointer
from regeneration.overlay import overlay_document
from regeneration.regeneration_error import RegenerationError
from regeneration.validation import find_faults, overlay_action, validate_document

Document = dict[str, Any]
OK = "responses: {'200': {description: D}}"


def read(text: str) -> Document:
    return {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, **yaml.safe_load(text)}


FAULTS = [
    ("components: {schemas: {A: {$ref: 'other.yaml#/A'}}}", "#/components/schemas/A/$ref", "outside of the"),
    (
        "paths: {/x: {get: {parameters: [{$ref: '#/components/parameters/P'}]}}}",
        "#/paths/~1x/get/parameters/0/$ref",
        "refers to #/components/parameters/P, which does not exist",
    ),
    (
        "components: {schemas: {A: {properties: {a: {type: sting}}}}}",
        "#/components/schemas/A/properties/a/type",
        "'sting' is not valid",
    ),
    (
        "components: {schemas: {A: {properties: {a: {required: true}}}}}",
        "#/components/schemas/A/properties/a/required",
        "True is not of type 'array'",
    ),
    (
        "components: {schemas: {A: {minimum: 1, exclusiveMinimum: true}}}",
        "#/components/schemas/A/exclusiveMinimum",
        "True is not of type 'number'",
    ),
    (
        "components: {schemas: {A: {properties: {a: {type: integer, default: x}}}}}",
        "#/components/schemas/A/properties/a/default",
        "'x' is not of type 'integer'",
    ),
    (
        "components: {schemas: {A: {allOf: [{type: object}], required: [x]}}}",
        "#/components/schemas/A/required",
        "Required list has not defined properties",
    ),
    (
        f"paths: {{/x: {{get: {{operationId: a, {OK}}}}}, /y: {{get: {{operationId: a, {OK}}}}}}}",
        "#/paths/~1y/get/operationId",
        "Operation ID 'a'",
    ),
    (f"paths: {{'/x/{{id}}': {{get: {{{OK}}}}}}}", "#/paths/~1x~1{id}/get/parameters", "'id'"),
    (
        f"paths: {{/x: {{get: {{parameters: [&p {{name: a, in: query, schema: {{}}}}, *p], {OK}}}}}}}",
        "#/paths/~1x/get/parameters",
        "",
    ),
    (
        "paths: {/x: {get: {responses: {'200': {}}}}}",
        "#/paths/~1x/get/responses/200",
        " is a required property",
    ),
]


@pytest.mark.parametrize(("text", "place", "said"), FAULTS, ids=[place for _, place, _ in FAULTS])
def test_a_fault_is_refused_with_its_place_and_an_action_that_reaches_it(
    text: str, place: str, said: str
) -> None:
    document = read(text)
    with pytest.raises(RegenerationError) as caught:
        validate_document(document)
    told, _, action = str(caught.value).partition("; add to scripts/overlay.yaml: ")
    assert told.startswith(f"not valid OpenAPI at {place}: ")
    assert said in told
    (read_action,) = yaml.safe_load(action.replace("...", "x"))
    overlay_document(document, {"actions": [{"target": read_action["target"], "remove": True}]})


def test_a_fault_that_crashes_the_validator_is_reported_with_its_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class FailingValidator:
        def __init__(self, document: Document) -> None:
            self.document = document

        def iter_errors(self) -> list[Exception]:
            if "/odd" in self.document["paths"]:
                raise AttributeError("no such thing")
            return []

    monkeypatch.setattr(validation, "OpenAPIV31SpecValidator", FailingValidator)
    with pytest.raises(RegenerationError, match="not valid OpenAPI at #/paths/~1odd: the validator failed"):
        validate_document(read("paths: {/plain: {}, /odd: {}}"))


def test_a_fault_at_the_top_is_reported_in_words() -> None:
    with pytest.raises(RegenerationError, match="not valid OpenAPI at the top of the document: "):
        validate_document({"openapi": "3.1.0", "paths": {}})


def test_the_suggested_action_fixes_the_fault_once_it_is_completed() -> None:
    document = read('components: {schemas: {A: {properties: {"it\'s a/b": {type: sting}}}}}')
    place, _ = next(find_faults(document))
    assert pointer(place) == "#/components/schemas/A/properties/it's a~1b/type"
    actions = yaml.safe_load(overlay_action(document, place).replace("...", "string"))
    fixed = overlay_document(document, {"actions": actions})
    assert list(find_faults(fixed)) == []


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return copy_repository(tmp_path_factory.mktemp("refused") / "repository", NO_OVERLAY)


def returning(schema: Document) -> Document:
    content = {"application/json": {"schema": schema}}
    return {"responses": {"200": {"description": "D", "content": content}}}


@pytest.mark.parametrize(
    ("operation", "schemas", "said"),
    [
        (
            returning({"enum": ["so_so", "so-so"]}),
            {},
            "schema/x-enum-varnames: several values have the name SO_SO",
        ),
        (returning({"enum": ["a", 1]}), {}, "GET /x"),
        (returning({}), {"A_B": {"type": "object"}, "AB": {"type": "object"}}, "AB"),
        (returning({}), {"A": {"type": "array", "items": {"$ref": "#/components/schemas/A"}}}, "schemas/A"),
        ({"responses": {"200": {"description": "D", "content": {"a/b": {"schema": {}}}}}}, {}, "GET /x"),
        (
            {
                **returning({}),
                "parameters": [{"name": "q", "in": "query", "content": {"a/b": {"schema": {}}}}],
            },
            {},
            "GET /x does not accept every parameter of q in query",
        ),
    ],
    ids=["like values", "mixed values", "like names", "an endless list", "media types", "no schema"],
)
def test_a_part_that_the_generator_would_drop_is_refused_with_its_place(
    repository: Repository, tmp_path: Path, operation: Document, schemas: Document, said: str
) -> None:
    document = {
        **read("{}"),
        "paths": {"/x": {"get": {"operationId": "getX", "tags": ["X"], **operation}}},
        "components": {"schemas": schemas},
    }
    source = tmp_path / "source.json"
    source.write_text(json.dumps(document), encoding="utf-8")
    done = repository.regenerate_here("--from", source)
    assert done.returncode != 0
    assert "scripts/overlay.yaml" in done.stderr
    assert said in done.stderr
    assert repository.status() == ""

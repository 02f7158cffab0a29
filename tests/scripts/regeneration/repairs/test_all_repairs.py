import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from regenerate_project import FAULTS
from regeneration.document_walk import operations, pointer
from regeneration.openapi_document import load_document
from regeneration.overlay import overlay_document
from regeneration.repairs.all_repairs import (
    declare_path_parameters,
    repair_document,
    skip_leftovers,
    supply_array_items,
    supply_responses,
)

PREFIX = "/api/v4.0/integrations"
Document = dict[str, Any]


def read(text: str) -> Document:
    return {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, **yaml.safe_load(text)}


def places(repairs: list[Any]) -> list[str]:
    return [pointer(repair.place) for repair in repairs]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda path: path.stem)
def test_repairing_changes_a_copy_and_leaves_nothing_to_repair(fault: Path) -> None:
    published = load_document(fault)
    before = copy.deepcopy(published)
    repaired, repairs = repair_document(published, ["GET /plants", "DELETE /plants/{id}"])
    assert published == before
    assert repairs
    assert repair_document(repaired, [])[1] == ()


def test_only_schemas_are_given_items() -> None:
    document = read(
        """
        paths:
          /x:
            get:
              responses:
                default:
                  description: D
                  content: {application/json: {schema: {type: array}, example: {type: array}}}
        components:
          schemas:
            type:
              type: object
              properties: {type: {type: array}, tuple: {type: array, prefixItems: [{}]}}
            of: {type: array, items: {type: string}, default: {type: array}}
        """
    )
    assert places(supply_array_items(document)) == [
        "#/paths/~1x/get/responses/default/content/application~1json/schema/items",
        "#/components/schemas/type/properties/type/items",
    ]


def test_operations_without_responses_are_given_one() -> None:
    document = read("paths: {/x: {get: {}, put: {responses: {}}, post: {responses: {'200': {}}}}}")
    assert places(supply_responses(document)) == ["#/paths/~1x/get/responses", "#/paths/~1x/put/responses"]


def test_a_parameter_that_the_path_shares_is_not_declared_again() -> None:
    document = read(
        """
        paths:
          /x/{id}:
            parameters: [{name: id, in: path, required: true}]
            get: {parameters: [{name: id, in: query}]}
        """
    )
    assert declare_path_parameters(document) == []


def test_a_parameter_with_another_spelling_keeps_its_schema() -> None:
    document = read(
        "paths: {'/x/{itemId}': {get: {parameters: [{name: item_id, in: path, schema: {a: 1}}]}}}"
    )
    (repair,) = declare_path_parameters(document)
    assert repair.value == [{"name": "itemId", "in": "path", "required": True, "schema": {"a": 1}}]


def test_a_template_leftover_is_removed_with_the_schemas_that_only_it_uses() -> None:
    document = read(
        """
        paths:
          /plants: {get: {a: {schema: {$ref: '#/components/schemas/Plant'}}}}
          /x: {get: {a: {schema: {$ref: '#/components/schemas/Kept'}}}}
        components:
          schemas:
            Plant:
              properties:
                soil: {$ref: '#/components/schemas/Soil'}
                kept: {$ref: '#/components/schemas/Kept'}
            Soil: {properties: {plant: {$ref: '#/components/schemas/Plant'}}}
            Kept: {}
            NeverUsed: {}
        """
    )
    assert places(skip_leftovers(document, ["GET /plants", "POST /plants"])) == [
        "#/paths/~1plants/get",
        "#/components/schemas/Plant",
        "#/components/schemas/Soil",
    ]


def overlaid(document: Document, *actions: Document) -> Document:
    repaired, repairs = repair_document(document, [])
    return overlay_document(repaired, {"actions": list(actions)}, repairs)


def test_the_overlay_replaces_every_repair() -> None:
    document = read(f"paths: {{'{PREFIX}/jobs/{{jobId}}': {{get: {{}}}}}}")
    parameter = {"name": "jobId", "in": "path", "required": True, "schema": {"type": "integer"}}
    update = {
        "operationId": "mine",
        "tags": ["Mine"],
        "parameters": [parameter],
        "responses": {"200": {"description": "Mine."}},
    }
    result = overlaid(document, {"target": f"$.paths['{PREFIX}/jobs/{{jobId}}'].get", "update": update})
    (operation,) = operations(result)
    assert operation.content == update


def test_a_parameter_that_the_overlay_gives_the_path_replaces_the_repaired_one() -> None:
    document = read(
        f"paths: {{'{PREFIX}/jobs/{{jobId}}': {{get: {{responses: {{'200': {{description: D}}}}}}}}}}"
    )
    parameter = {"name": "jobId", "in": "path", "required": True, "schema": {"type": "integer"}}
    path = f"{PREFIX}/jobs/{{jobId}}"
    result = overlaid(document, {"target": f"$.paths['{path}']", "update": {"parameters": [parameter]}})
    assert result["paths"][path]["parameters"] == [parameter]
    assert result["paths"][path]["get"]["parameters"] == []


def test_the_overlay_may_add_a_value_that_is_also_published() -> None:
    document = read(
        "components: {schemas: {A: {type: object, required: [x], properties: {x: {type: string}}}}}"
    )
    result = overlaid(document, {"target": "$.components.schemas.A", "update": {"required": ["x"]}})
    assert result["components"]["schemas"]["A"]["required"] == ["x"]

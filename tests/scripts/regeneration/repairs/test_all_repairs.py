"""All repairs of a document, and what the overlay does with them."""

import copy
from pathlib import Path

import pytest
from regenerate_project import FAULTS
from regeneration.document_walk import operations
from regeneration.openapi_document import load_document
from regeneration.overlay import overlay_document
from regeneration.repairs.all_repairs import repair_document
from repaired_documents import Document, read

PREFIX = "/api/v4.0/integrations"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda path: path.stem)
def test_repairing_changes_a_copy_and_leaves_nothing_to_repair(fault: Path) -> None:
    published = load_document(fault)
    before = copy.deepcopy(published)
    repaired, repairs = repair_document(published, ["GET /plants", "DELETE /plants/{id}"])
    assert published == before
    assert repairs
    assert repair_document(repaired, [])[1] == ()


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

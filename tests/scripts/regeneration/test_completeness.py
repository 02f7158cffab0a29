import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from regenerate_project import SEED, Repository, copy_repository
from regeneration.completeness import check_completeness
from regeneration.document_walk import Document
from regeneration.openapi_document import load_document
from regeneration.regeneration_error import RegenerationError


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return copy_repository(tmp_path_factory.mktemp("completeness") / "repository")


@pytest.fixture
def generated(repository: Repository, tmp_path: Path) -> Path:
    return shutil.copytree(repository.root / "generated", tmp_path / "generated")


def missing_operation(document: Document, package: Path) -> str:
    document["paths"]["/gone"] = {"get": {"operationId": "goneForGood", "tags": ["Gone"]}}
    assert not (package / "api" / "gone").exists()
    return "GET /gone has no function: the module api/gone/gone_for_good.py does not exist"


def overwritten_operation(document: Document, package: Path) -> str:
    document["paths"]["/other"] = {"get": {"operationId": "send_events_batch", "tags": ["batches"]}}
    assert (package / "api" / "batches" / "send_events_batch.py").exists()
    return "GET /other has no function: its module api/batches/send_events_batch.py is that of POST"


def dropped_parameter(document: Document, package: Path) -> str:
    operation = document["paths"]["/api/v4.0/integrations/batch/events"]["post"]
    operation["parameters"] = [{"name": "filter", "in": "query", "content": {}}]
    assert package.exists()
    return "does not accept every parameter of filter in query"


def missing_model(document: Document, package: Path) -> str:
    document["components"]["schemas"] = {"Gone": {"type": "object"}, "Text": {"type": "string"}}
    assert package.exists()
    return "schema Gone has no model: models/gone.py does not define Gone"


def long_path(document: Document, package: Path) -> str:
    (package / "models" / f"{'x' * 80}.py").touch()
    assert document
    return "has 90 characters, 80 at most"


def broken_module(document: Document, package: Path) -> str:
    (package / "models" / "broken.py").write_text("raise RuntimeError('broken')\n", encoding="utf-8")
    assert document
    return "gameball_api.models.broken cannot be imported: RuntimeError: broken"


@pytest.mark.parametrize(
    "spoil",
    [missing_operation, overwritten_operation, dropped_parameter, missing_model, long_path, broken_module],
)
def test_what_the_generator_silently_leaves_out_is_found(
    generated: Path, spoil: Callable[[Document, Path], str]
) -> None:
    document = load_document(SEED)
    operation = document["paths"]["/api/v4.0/integrations/batch/events"]["post"]
    operation |= {"operationId": "sendEventsBatch", "tags": ["Batches"]}
    check_completeness(document, generated)
    said = spoil(document, generated / "gameball_api")
    with pytest.raises(RegenerationError) as caught:
        check_completeness(document, generated)
    assert said in str(caught.value)


def test_everything_that_is_missing_is_listed(generated: Path) -> None:
    document: Document = {
        "paths": {"/gone": {"get": {"operationId": "a", "tags": ["A"]}, "put": {"operationId": "b"}}},
        "components": {"schemas": {"Gone": {"type": "object"}}},
    }
    with pytest.raises(RegenerationError, match="3 problems") as caught:
        check_completeness(document, generated)
    assert len(caught.value.details) == 3

import shutil
from pathlib import Path

import pytest
from regenerate_project import SEED, Repository, copy_repository
from regeneration.comparison import Comparison, compare_with
from regeneration.document_walk import Document
from regeneration.openapi_document import load_document

BATCH = "/api/v4.0/integrations/batch/events"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return copy_repository(tmp_path_factory.mktemp("comparison") / "repository")


@pytest.fixture
def fresh(repository: Repository, tmp_path: Path) -> Path:
    shutil.copytree(repository.root / "generated", tmp_path / "generated")
    return tmp_path / "generated"


@pytest.fixture
def published() -> Document:
    return load_document(SEED)


def test_the_files_of_a_commit_have_no_changes_against_it(
    repository: Repository, fresh: Path, published: Document
) -> None:
    expected = Comparison((), (), load_document(SEED))
    assert compare_with("HEAD", repository.root, fresh, published) == expected


def test_a_changed_limit_names_the_files_that_call_the_operation_and_write_the_field(
    repository: Repository, fresh: Path, published: Document
) -> None:
    body = published["paths"][BATCH]["post"]["requestBody"]["content"]["application/json"]["schema"]
    item = body["properties"]["body"]["items"]
    item["properties"]["customerId"]["maxLength"] = 40
    (change,) = compare_with("HEAD", repository.root, fresh, published).published
    assert (change.detail, change.breaking, change.wire) == ("maxLength none -> 40", True, "customerId")
    assert {"gameball/transport/base_connection.py", "gameball/chunking/chunk.py"} <= set(change.used_by)


def test_a_removed_model_names_the_files_that_import_it(
    repository: Repository, fresh: Path, published: Document
) -> None:
    (fresh / "gameball_api" / "models" / "batch_job.py").unlink()
    (change,) = compare_with("HEAD", repository.root, fresh, published).changes
    assert (change.kind, change.what, change.subject) == ("model", "removed", "BatchJob")
    assert change.used_by == ("gameball/jobs/polling.py",)


def test_an_operation_that_the_package_reports_is_not_reported_again(
    repository: Repository, fresh: Path, published: Document
) -> None:
    del published["paths"][BATCH]
    (fresh / "gameball_api" / "api" / "batches" / "send_events_batch.py").unlink()
    found = compare_with("HEAD", repository.root, fresh, published)
    assert [(one.kind, one.what) for one in found.changes] == [("operation", "removed")]
    assert found.published == ()


def test_an_operation_that_only_the_document_lacks_is_reported(
    repository: Repository, fresh: Path, published: Document
) -> None:
    # The overlay may still have it.
    del published["paths"][BATCH]
    (change,) = compare_with("HEAD", repository.root, fresh, published).published
    assert (change.subject, change.detail) == (f"POST {BATCH}", "operation removed")


def test_a_commit_without_a_document_compares_the_package_alone(
    repository: Repository, fresh: Path, published: Document
) -> None:
    repository.git("checkout", "--quiet", "-b", "without")
    repository.git("rm", "--quiet", "openapi.yaml")
    repository.commit()
    repository.git("checkout", "--quiet", "-")
    assert compare_with("without", repository.root, fresh, published) == Comparison((), (), None)

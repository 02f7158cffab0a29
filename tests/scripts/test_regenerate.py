import json
from pathlib import Path

import pytest
from regenerate_project import REPOSITORY, SEED, Repository, copy_repository
from regeneration.surface import read_surface

SEED_PAGE = "# Send\n\n> About it.\n\n````yaml POST /batch/events\n{document}````\n"
# What users import today; the seed must go on giving exactly these.
OPERATIONS = {"get_batch_job", "get_batch_status", "send_events_batch", "stop_batch", "stop_batch_job"}
MODELS = {
    "BatchJob",
    "BatchJobItem",
    "BatchJobResponse",
    "BatchStarted",
    "BatchStatus",
    "CustomerEvents",
    "ErrorDetails",
    "EventMetadata",
    "EventsBatch",
    "NamedEvents",
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return copy_repository(tmp_path_factory.mktemp("seed") / "repository")


@pytest.fixture(scope="module")
def seed_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    page = tmp_path_factory.mktemp("pages") / "seed.md"
    document = SEED.read_text(encoding="utf-8")
    page.write_text(SEED_PAGE.format(document=document), encoding="utf-8")
    return page


def test_the_committed_files_are_those_that_a_fresh_run_writes() -> None:
    done = Repository(REPOSITORY).regenerate("--check")
    assert (done.returncode, done.stdout) == (0, "generated/ is up to date\n")


def test_regenerating_from_the_seed_page_changes_nothing_in_any_working_directory(
    repository: Repository, seed_page: Path
) -> None:
    done = repository.regenerate("--from", seed_page.name, cwd=seed_page.parent)
    assert done.returncode == 0, done.stderr
    assert "none that users can notice" in done.stdout
    assert "nothing changed" in done.stdout
    assert repository.status() == ""


def test_the_seed_document_gives_the_names_that_users_import(repository: Repository) -> None:
    surface = read_surface(repository.generated())
    assert {one.module for one in surface.operations.values()} == {f"batches.{name}" for name in OPERATIONS}
    assert set(surface.models) == MODELS


def test_a_check_lists_files_that_differ_and_writes_nothing(repository: Repository) -> None:
    extra = repository.package / "api" / "batches" / "extra.py"
    gone = repository.package / "models" / "batch_job.py"
    kept = gone.read_bytes()
    extra.write_text("", encoding="utf-8")
    gone.unlink()
    try:
        done = repository.regenerate_here("--check")
        assert done.returncode == 1
        assert done.stdout.splitlines() == [
            "extra: gameball_api/api/batches/extra.py",
            "missing: gameball_api/models/batch_job.py",
            "generated/ differs; run: make regenerate",
        ]
        assert extra.exists()
        assert not gone.exists()
    finally:
        extra.unlink()
        gone.write_bytes(kept)
    assert repository.status() == ""


def test_a_change_is_reported_with_whether_it_breaks_and_the_files_that_use_it(
    repository: Repository, seed_page: Path
) -> None:
    changed = seed_page.with_name("changed.md")
    text = seed_page.read_text(encoding="utf-8")
    changed.write_text(text.replace("customerId", "memberId"), encoding="utf-8")
    overlay = repository.root / "scripts" / "overlay.yaml"
    kept = overlay.read_text(encoding="utf-8")
    overlay.write_text(kept.replace(".properties.customerId", ".properties.memberId"), encoding="utf-8")
    try:
        done = repository.regenerate_here("--from", changed, "--json", "--check")
    finally:
        overlay.write_text(kept, encoding="utf-8")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["breaking"] is True
    assert report["against"] == "HEAD"
    assert "changed: openapi.yaml" in report["files"]
    users = ["gameball/transport/base_connection.py"]
    assert [(one["what"], one["subject"], one["detail"], one["breaking"]) for one in report["changes"]] == [
        ("removed", "CustomerEvents.customer_id", "", True),
        ("added", "CustomerEvents.member_id", "(str, required as memberId)", True),
    ]
    body = "POST /api/v4.0/integrations/batch/events body.body[]"
    assert [(one["subject"], one["detail"], one["breaking"]) for one in report["published"]] == [
        (f"{body}.customerId", "removed", True),
        (f"{body}.memberId", "added, required", True),
    ]
    for removed, added in (report["changes"], report["published"]):
        # What builds the JSON, reads it, or responses it, without a generated model.
        by_hand = {
            "chunking/chunk.py",
            "sandbox/payload.py",
            "jobs/batch_job.py",
            "sources/mapping/row_mapping.py",
        }
        assert {f"gameball/{name}" for name in by_hand} | set(users) <= set(removed["used_by"])
        assert added["used_by"] == users
    assert [repair["fault"] for repair in report["repairs"]] == [
        "operation without a tag",
        "operation without an id",
    ]
    assert repository.status() == ""


def test_a_check_of_a_new_document_does_not_accept_it(repository: Repository, seed_page: Path) -> None:
    changed = seed_page.with_name("described.md")
    text = seed_page.read_text(encoding="utf-8")
    changed.write_text(text.replace("Bulk", "Huge").replace("title: Gameball API", "title: Other"), "utf-8")
    done = repository.regenerate_here("--from", changed, "--check")
    assert done.returncode == 1
    assert (
        done.stdout.splitlines()[-1]
        == "the published document differs; run again without --check to accept it"
    )
    assert repository.status() == ""


def test_one_changed_page_replaces_its_operations_and_nothing_else(
    repository: Repository, seed_page: Path
) -> None:
    other = seed_page.with_name("other.yaml")
    other.write_text(
        "openapi: 3.1.0\ninfo: {title: Other, version: 4.0.0}\npaths:\n  /api/v4.0/integrations/orders:\n"
        "    post: {responses: {'200': {description: Done.}}}\n",
        encoding="utf-8",
    )
    page = seed_page.with_name("page.md")
    text = seed_page.read_text(encoding="utf-8").replace(
        "description: Unique", "maxLength: 40\n                        description: Unique"
    )
    page.write_text(text, encoding="utf-8")
    kept = repository.root / "openapi.yaml"
    try:
        assert repository.regenerate_here("--from", kept, other).returncode == 0
        repository.commit()
        done = repository.regenerate_here("--from", kept, page, "--json")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        body = "POST /api/v4.0/integrations/batch/events body.body[].customerId"
        assert [(one["subject"], one["detail"]) for one in report["published"]] == [
            (body, "maxLength none -> 40")
        ]
        assert report["changes"] == []
        assert report["files"] == ["changed: openapi.yaml"]
    finally:
        repository.git("reset", "--quiet", "--hard", "HEAD")
        repository.regenerate_seed()
        repository.commit()


def test_changes_are_reported_against_any_commit(repository: Repository) -> None:
    model = repository.package / "models" / "batch_job.py"
    kept = model.read_bytes()
    repository.git("checkout", "--quiet", "-b", "without")
    model.unlink()
    repository.commit()
    repository.git("checkout", "--quiet", "-")
    assert model.read_bytes() == kept
    done = repository.regenerate_here("--against", "without")
    assert done.returncode == 0, done.stderr
    assert "model added: BatchJob  [used by gameball/jobs/polling.py]" in done.stdout
    assert "1 in total, 0 breaking, 1 used by the facade" in done.stdout

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import frozen
from full_document import build_document
from once_per_run import once_per_run
from regenerate_project import Repository, check_types, copy_repository
from regeneration.document_walk import operations
from regeneration.generated_names import MAX_PATH
from regeneration.surface import Surface, read_surface


@frozen
class FullRun:
    """A run of the whole command on the document of some 70 operations."""

    repository: Repository
    source: Path
    done: subprocess.CompletedProcess[str]
    seconds: float
    surface: Surface


def run_full(folder: Path) -> FullRun:
    repository = copy_repository(folder / "repository")
    source = folder / "full.json"
    source.write_text(json.dumps(build_document()), encoding="utf-8")
    before = os.times()
    done = repository.regenerate("--from", source)
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return FullRun(repository, source, done, seconds, read_surface(repository.generated()))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> FullRun:
    return once_per_run(tmp_path_factory, "full", run_full)


def test_a_full_run_takes_seconds(full: FullRun) -> None:
    assert full.done.returncode == 0, full.done.stderr
    # Some 6 s of computing; the limit leaves room for a slow machine and none for minutes.
    assert full.seconds < 60


def test_every_operation_of_the_document_has_its_function(full: FullRun) -> None:
    leftovers = {"GET /plants", "POST /plants"}
    published = {
        f"{one.method.upper()} " + "/".join("{}" if "{" in part else part for part in one.path.split("/"))
        for one in operations(build_document())
    }
    added = {"GET /api/v4.0/integrations/batch/{}", "DELETE /api/v4.0/integrations/batch/{}"}
    assert len(published) > 70
    assert set(full.surface.operations) == (published - leftovers) | added


def test_every_operation_is_well_named(full: FullRun) -> None:
    names = {one.module for one in full.surface.operations.values()}
    assert {
        "customers.list_customers",
        "customers.get_customer_balance",
        "customers.list_customer_activities",
        "coupons.validate_coupon",
        "coupons.published_operation_16",
        "transactions.refund_transaction",
        "reward_campaigns.create_reward_campaign",
        "leader_boards.get_leader_board",
        "batches.send_events_batch",
        "batches.get_batch_status",
        "batches.stop_batch",
    } <= names
    assert not [name for name in names if "integrations" in name or "v4" in name]
    numbered = {name for name in names if name[-1].isdigit()}
    assert {name.partition(".")[2] for name in numbered} == {
        f"published_operation_{one}" for one in (4, 16, 44)
    }


def test_no_model_has_a_number_for_a_part_of_a_union(full: FullRun) -> None:
    assert not [name for name in full.surface.models if "Type0" in name or "Type1" in name]
    assert "CreateTransactionBodyReason" in full.surface.models


def test_every_schema_has_its_model(full: FullRun) -> None:
    wanted = {"OrderLine", "Tier", "Friend", "Progress", "NothingThere"}
    assert wanted <= set(full.surface.models)
    assert "Plant" not in full.surface.models


def test_no_path_is_longer_than_the_maximum(full: FullRun) -> None:
    assert max(len(path) for path in full.repository.generated()) <= MAX_PATH


def test_the_generated_code_passes_mypy(full: FullRun, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert check_types(full.repository, tmp_path_factory.getbasetemp()) == ""


def test_a_published_operation_keeps_its_content_and_gets_the_name_of_the_overlay(full: FullRun) -> None:
    status = full.surface.operations["GET /api/v4.0/integrations/batches/{}/status"]
    assert [(one.name, one.type) for one in status.parameters] == [("batch_id", "int")]
    assert [one.wire for one in full.surface.models["BatchStatus"].fields] == ["batchId", "errors"]
    assert "ErrorDetails" in status.response


def test_a_change_names_the_files_of_the_facade_that_use_it(full: FullRun) -> None:
    lines = full.done.stdout.splitlines()
    (status,) = (line for line in lines if line.startswith("  BREAKING  field removed: BatchStatus.status "))
    assert {"gameball/jobs/polling.py", "gameball/jobs/batch_job.py"} <= set(
        re.findall(r"[\w/]+\.py", status)
    )
    assert "            operation added: tiers.get_tier GET /api/v4.0/integrations/tiers/{}" in lines


IMPORT_FACADE = """
import sys
from gameball import Event, Gameball

print(*(name for name in sys.modules if name.startswith("gameball_api.models.")))
"""


def test_importing_the_facade_imports_only_the_models_that_it_uses(full: FullRun) -> None:
    root = full.repository.root
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_FACADE],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "generated")])},
        capture_output=True,
        text=True,
        check=True,
    )
    models = {name.rpartition(".")[2] for name in done.stdout.split()}
    assert {"events_batch", "batch_started", "batch_job"} <= models
    # The bodies and responses of the five operations of the facade.
    assert len(models) < 10 < len(full.surface.models)


def test_known_faults_are_counted_and_new_ones_are_listed(full: FullRun) -> None:
    told = [line for line in full.done.stderr.splitlines() if line.startswith("repaired: ")]
    assert len(told) > 100
    assert "repaired: 2 faults that HEAD has too; --json lists them" in told


def test_two_runs_write_the_same_bytes_in_any_working_directory(full: FullRun, tmp_path: Path) -> None:
    # A copy, because other tests read the repository.
    repository = Repository(shutil.copytree(full.repository.root, tmp_path / "copy"))
    written = repository.generated()
    document = (repository.root / "openapi.yaml").read_bytes()
    done = repository.regenerate("--from", full.source, "--against", "HEAD", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "nothing changed"
    assert repository.generated() == written
    assert (repository.root / "openapi.yaml").read_bytes() == document

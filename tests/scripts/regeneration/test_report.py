import json

from attrs import evolve
from regeneration.api_changes import Change
from regeneration.document_changes import DocumentChange
from regeneration.repairs.repair import Repair
from regeneration.report import RunResult, as_json, as_text, repairs_as_text

OLD = Repair("operation without a tag", ("paths", "/old", "get", "tags"), "Old", ["Old"])
NEW = Repair("operation without a tag", ("paths", "/new", "get", "tags"), "New", ["New"])
REMOVED = Change("field", "removed", "Thing.name", "", breaking=True, used_by=("gameball/a.py",))
ADDED = DocumentChange("GET /new", "operation added", breaking=False)
UNCHANGED = RunResult((), (), (), "HEAD", (), ())
CHANGED = RunResult(
    ("changed: gameball_api/models/thing.py",), (OLD, NEW), (NEW,), "HEAD", (REMOVED,), (ADDED,)
)


def test_all_changes_are_listed_and_counted() -> None:
    assert as_text(CHANGED, check=False).splitlines() == [
        "Changes of the published document against HEAD:",
        "            GET /new: operation added",
        "Changes of the package against HEAD:",
        "  BREAKING  field removed: Thing.name  [used by gameball/a.py]",
        "2 in total, 1 breaking, 1 used by the facade",
        "1 file changed",
    ]


def test_a_check_lists_the_files_and_says_what_to_run() -> None:
    lines = as_text(CHANGED, check=True).splitlines()
    assert lines[0] == "changed: gameball_api/models/thing.py"
    assert lines[-1] == "generated/ differs; run: make regenerate"


def test_a_check_of_a_new_document_says_how_to_accept_it() -> None:
    result = evolve(CHANGED, files=(*CHANGED.files, "changed: openapi.yaml"))
    last = as_text(result, check=True).splitlines()[-1]
    assert last == "the published document differs; run again without --check to accept it"


def test_a_run_that_changes_nothing_says_so() -> None:
    assert "none that users can notice" in as_text(UNCHANGED, check=False)
    assert as_text(UNCHANGED, check=False).splitlines()[-1] == "nothing changed"
    assert as_text(UNCHANGED, check=True).splitlines()[-1] == "generated/ is up to date"


def test_a_run_without_a_commit_reports_no_changes() -> None:
    result = evolve(UNCHANGED, against=None)
    assert as_text(result, check=True) == "generated/ is up to date"
    assert as_text(result, check=False) == "there is no commit to compare with\nnothing changed"


def test_new_repairs_are_listed_and_the_others_counted() -> None:
    assert repairs_as_text(CHANGED) == [
        f"repaired: {NEW}",
        "repaired: 1 fault that HEAD has too; --json lists them",
    ]


def test_without_a_commit_no_repair_is_new() -> None:
    result = evolve(CHANGED, against=None, new_repairs=(OLD, NEW))
    assert repairs_as_text(result) == ["repaired: 2 faults; --json lists them"]


def test_a_report_for_machines_has_every_change_repair_and_file() -> None:
    report = json.loads(as_json(CHANGED))
    assert (report["error"], report["against"], report["breaking"]) == (None, "HEAD", True)
    assert [one["subject"] for one in report["changes"]] == ["Thing.name"]
    assert [one["subject"] for one in report["published"]] == ["GET /new"]
    assert [(one["place"], one["new"]) for one in report["repairs"]] == [
        ("#/paths/~1old/get/tags", False),
        ("#/paths/~1new/get/tags", True),
    ]
    assert report["files"] == ["changed: gameball_api/models/thing.py"]


def test_a_breaking_change_of_the_document_alone_makes_a_report_breaking() -> None:
    result = evolve(UNCHANGED, published=(evolve(ADDED, breaking=True),))
    assert json.loads(as_json(result))["breaking"] is True
    assert json.loads(as_json(UNCHANGED))["breaking"] is False

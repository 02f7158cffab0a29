"""Write the result of a run as text and as JSON."""

import json
from typing import Any

from attrs import asdict, frozen

from regeneration.api_changes import Change
from regeneration.document_changes import DocumentChange
from regeneration.document_walk import pointer
from regeneration.repairs.repair import Repair


@frozen
class RunResult:
    """What a run changed, or with ``--check`` would change.

    Attributes:
        files: A line for each file that differs.
        repairs: The repairs of the document before generating.
        new_repairs: The repairs of faults that the document of the commit does not have.
        against: The commit of the comparison; None if there was none.
        changes: The changes of the generated package.
        published: The changes of the published document.
    """

    files: tuple[str, ...]
    repairs: tuple[Repair, ...]
    new_repairs: tuple[Repair, ...]
    against: str | None
    changes: tuple[Change, ...]
    published: tuple[DocumentChange, ...]

    @property
    def all_changes(self) -> tuple[Change | DocumentChange, ...]:
        """The changes of the document, then those of the package."""
        return (*self.published, *self.changes)


def as_json(result: RunResult) -> str:
    """Write a result as JSON: the changes, the repairs and the files."""
    report: dict[str, Any] = {
        "error": None,
        "against": result.against,
        "breaking": any(change.breaking for change in result.all_changes),
        "changes": [asdict(change) for change in result.changes],
        "published": [asdict(change) for change in result.published],
        "repairs": [
            {
                "fault": repair.fault,
                "place": pointer(repair.place),
                "remedy": repair.remedy,
                "new": repair in result.new_repairs,
            }
            for repair in result.repairs
        ],
        "files": result.files,
    }
    return json.dumps(report, indent=2)


def repairs_as_text(result: RunResult) -> list[str]:
    """Write a line for each new repair, and one line with the number of the others.

    Args:
        result: The result. If there was no comparison with a commit, no repair is new.
    """
    new = result.new_repairs if result.against is not None else ()
    lines = [f"repaired: {repair}" for repair in new]
    if others := len(result.repairs) - len(new):
        since = f" that {result.against} has too" if result.against is not None else ""
        faults = "1 fault" if others == 1 else f"{others} faults"
        lines.append(f"repaired: {faults}{since}; --json lists them")
    return lines


def as_text(result: RunResult, *, check: bool) -> str:
    """Write a result as text.

    Args:
        result: The result.
        check: Whether the run only compared, and wrote nothing.
    """
    lines = list(result.files) if check else []
    if result.against is None and not check:
        lines.append("there is no commit to compare with")
    if result.against is not None:
        if result.published:
            lines.append(f"Changes of the published document against {result.against}:")
            lines += [f"  {change}" for change in result.published]
        lines.append(f"Changes of the package against {result.against}:")
        lines += [f"  {change}" for change in result.changes] or ["  none that users can notice"]
        every = result.all_changes
        breaking = sum(change.breaking for change in every)
        used = sum(bool(change.used_by) for change in every)
        lines.append(f"{len(every)} in total, {breaking} breaking, {used} used by the facade")
    if check and result.files and result.files[-1].endswith("openapi.yaml"):
        lines.append("the published document differs; run again without --check to accept it")
    elif check:
        differs = "generated/ differs; run: make regenerate"
        lines.append(differs if result.files else "generated/ is up to date")
    else:
        count = len(result.files)
        lines.append(f"{count} {'file' if count == 1 else 'files'} changed" if count else "nothing changed")
    return "\n".join(lines)

"""Compare the generated package and the published document with those of a commit."""

from pathlib import Path

from attrs import evolve, frozen

from regeneration.api_changes import Change, compare, with_wire_users
from regeneration.document_changes import (
    OPERATION_ADDED,
    OPERATION_REMOVED,
    DocumentChange,
    compare_documents,
)
from regeneration.document_walk import Document
from regeneration.facade_usage import read_usage, read_wire_usage
from regeneration.file_replacement import read_tree
from regeneration.generator import PACKAGE
from regeneration.git_history import file_at, files_at
from regeneration.openapi_document import parse_document
from regeneration.surface import read_surface


@frozen
class Comparison:
    """The changes since a commit.

    Attributes:
        changes: The changes of the generated package.
        published: The changes of the published document.
        document: The document of the commit; None if it has none.
    """

    changes: tuple[Change, ...]
    published: tuple[DocumentChange, ...]
    document: Document | None


def compare_with(commit: str, root: Path, fresh: Path, published: Document) -> Comparison:
    """Compare the generated package and the published document with those of a commit.

    Args:
        commit: The commit.
        root: The folder of the repository.
        fresh: The folder with the new package.
        published: The document that is published now.

    Raises:
        RegenerationError: There is no such commit, or its document cannot be read.
    """
    surfaces = (
        read_surface(files_at(root, commit, f"generated/{PACKAGE}")),
        read_surface(read_tree(fresh / PACKAGE)),
    )
    files = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in (root / "gameball").rglob("*.py")
    }
    usage, wire_usage = read_usage(files, surfaces), read_wire_usage(files)
    changes = compare(*surfaces, usage, wire_usage)
    text = file_at(root, commit, "openapi.yaml")
    if text is None:
        return Comparison(changes, (), None)
    before = parse_document(text, f"openapi.yaml of {commit}")
    used = {
        key: usage.get(operation.module, ())
        for surface in surfaces
        for key, operation in surface.operations.items()
    }
    # Added and removed operations are already reported as changes of the package.
    reported = {change.detail for change in changes if change.kind == "operation"}
    published_changes = []
    for change in compare_documents(before, published):
        if change.subject not in reported or change.detail not in {OPERATION_ADDED, OPERATION_REMOVED}:
            users = tuple(sorted({path for key in change.operations for path in used.get(key, ())}))
            published_changes.append(evolve(change, used_by=with_wire_users(users, change.wire, wire_usage)))
    return Comparison(changes, tuple(published_changes), before)

from pathlib import Path

from regenerate_project import copy_repository
from regeneration.git_history import file_at, files_at


def test_a_folder_that_a_commit_does_not_have_is_empty(tmp_path: Path) -> None:
    root = copy_repository(tmp_path / "repository").root
    assert files_at(root, "HEAD", "nowhere") == {}
    assert file_at(root, "HEAD", "nowhere.yaml") is None
    assert file_at(root, "HEAD", "openapi.yaml") == (root / "openapi.yaml").read_text(encoding="utf-8")

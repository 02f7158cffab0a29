from pathlib import Path

import pytest
from regeneration.file_replacement import read_tree, replace_all
from regeneration.regeneration_error import RegenerationError


def test_a_folder_that_cannot_be_written_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets, fresh = pairs(tmp_path)
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name == ".openapi.yaml.incoming":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(RegenerationError, match=r"cannot write generated and openapi\.yaml: No space left"):
        replace_all(dict(zip(targets, fresh, strict=True)))
    assert read_tree(tmp_path / "old") == {"generated/a.py": b"old", "openapi.yaml": b"old"}


def test_an_interruption_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    targets, fresh = pairs(tmp_path)
    rename = Path.rename

    def interrupt(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        if path.name == ".generated.incoming":
            raise KeyboardInterrupt
        return moved

    monkeypatch.setattr(Path, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replace_all(dict(zip(targets, fresh, strict=True)))
    assert read_tree(tmp_path / "old") == {"generated/a.py": b"old", "openapi.yaml": b"old"}


def test_files_that_a_killed_run_left_are_removed(tmp_path: Path) -> None:
    targets, fresh = pairs(tmp_path)
    (tmp_path / "old" / ".generated.incoming").mkdir()
    (tmp_path / "old" / ".openapi.yaml.outgoing").touch()
    replace_all(dict(zip(targets, fresh, strict=True)))
    assert read_tree(tmp_path / "old") == {"generated/b.py": b"new", "openapi.yaml": b"new"}


def pairs(folder: Path) -> tuple[list[Path], list[Path]]:
    for name, file in (("old", "a.py"), ("new", "b.py")):
        (folder / name / "generated").mkdir(parents=True)
        (folder / name / "generated" / file).write_text(name, encoding="utf-8")
        (folder / name / "openapi.yaml").write_text(name, encoding="utf-8")
    old, new = ([folder / name / part for part in ("generated", "openapi.yaml")] for name in ("old", "new"))
    return old, new

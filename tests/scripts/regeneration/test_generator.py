import re
from pathlib import Path

import pytest
from overlaid_document import ROOT
from regeneration.file_replacement import read_tree
from regeneration.generator import check_pins, complaints_of
from regeneration.regeneration_error import RegenerationError


def test_warnings_of_the_generator_are_reported_without_the_quoted_document() -> None:
    said = (
        "Generating /tmp/x\nWarning(s) encountered while generating. Client was generated\n\n"
        'WARNING parsing GET /x within a.\n\nBad thing <a.B object at 0x7f01>\n\n{\n  "a": 1\n}\n\n\n'
        "Unable to parse schema /b:\n\nWorse thing\n\n{}\n\n\nIf you believe this was a mistake\n"
    )
    assert complaints_of(said) == (
        "WARNING parsing GET /x within a. Bad thing ...",
        "Unable to parse schema /b: Worse thing",
    )


def test_a_generator_of_another_version_is_refused(tmp_path: Path) -> None:
    settings = (ROOT / "pyproject.toml").read_text()
    pin = "openapi-python-client=="
    changed = re.sub(f"{pin}[0-9.]+", f"{pin}0.1", settings)
    (tmp_path / "pyproject.toml").write_text(changed)
    with pytest.raises(RegenerationError, match=r"openapi-python-client 0\.1 is needed"):
        check_pins(tmp_path)


def test_no_generated_name_contains_the_url_prefix() -> None:
    for path in read_tree(ROOT / "generated"):
        assert "integrations" not in path
        assert "v4" not in path
    sources = b"".join(read_tree(ROOT / "generated").values()).decode()
    names = re.findall(r"^\s*(?:class|def|async def) (\w+)", sources, re.MULTILINE)
    assert names
    assert not [name for name in names if re.search(r"integrations|v4", name, re.IGNORECASE)]

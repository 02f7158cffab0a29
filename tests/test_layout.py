"""The layout of the project, which a newcomer relies on."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: What concerns the whole package, or something that is not Python.
OF_THE_WHOLE = frozenset(
    {
        "tests/test_api_version.py",
        "tests/test_canary.py",
        "tests/test_documentation.py",
        "tests/test_layout.py",
        "tests/test_messages.py",
        "tests/test_public_api.py",
        "tests/test_wheel.py",
        "tests/examples/test_examples.py",
        "tests/scripts/regeneration/repairs/test_repaired_documents.py",
        "tests/spark/test_spark.py",
    }
)
TESTS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("tests/**/test_*.py"))
PACKAGES = sorted(str(path.parent.relative_to(ROOT)) for path in ROOT.glob("gameball/**/__init__.py"))


@pytest.mark.parametrize("test", [test for test in TESTS if test not in OF_THE_WHOLE])
def test_a_test_lies_where_the_module_that_it_tests_lies(test: str) -> None:
    words = Path(test).stem.removeprefix("test_").split("_")
    folder = Path(test).parent.relative_to("tests")
    # One aspect of a module has a test of its own, whose name begins with the module's.
    names = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
    roots = (ROOT / "gameball", ROOT)
    assert any((root / folder / f"{name}.py").exists() for root in roots for name in names)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_it_is_for(package: str) -> None:
    assert (ROOT / package / "__init__.py").read_text().startswith('"""')

"""Build the raw client in generated/ from openapi.yaml and scripts/overlay.yaml.

python scripts/regenerate.py            writes generated/gameball_api anew
python scripts/regenerate.py --check    writes nothing, and fails if it would have changed a file
"""

import argparse
import sys
import tempfile
from pathlib import Path

from generation import GENERATED, ROOT, check_pins, differences, generate, read_tree, replace_tree
from openapi_document import Document, load_document, overlay_document, validate_document
from regeneration_error import RegenerationError


def build_document() -> Document:
    """Return the committed document with the overlay applied: what the client is generated from.

    Raises:
        RegenerationError: A file cannot be read, the overlay no longer fits, or the result is not valid.
    """
    overlay = load_document(ROOT / "scripts" / "overlay.yaml")
    document = overlay_document(load_document(ROOT / "openapi.yaml"), overlay)
    validate_document(document)
    return document


def regenerate(target: Path, *, check: bool) -> list[str]:
    """Generate the raw client, and write it or compare with it.

    Args:
        target: The folder to write, such as ``generated``.
        check: Only compare.

    Returns:
        A line for each file that a fresh run changes.

    Raises:
        RegenerationError: Something failed; the target is as it was.
    """
    check_pins()
    document = build_document()
    with tempfile.TemporaryDirectory(prefix="gameball-regenerate-") as name:
        fresh = Path(name) / "generated"
        generate(document, fresh)
        # All of the folder counts: a file beside the package was not written by the generator.
        changes = differences(read_tree(fresh), read_tree(target))
        if changes and not check:
            replace_tree(fresh, target)
    return changes


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The words after the script's name; by default those of this process.

    Returns:
        The exit code: 0 done, 1 ``--check`` found a difference or regenerating failed.
    """
    parser = argparse.ArgumentParser(prog="regenerate.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 on any difference")
    options = parser.parse_args(arguments)
    try:
        changes = regenerate(GENERATED, check=options.check)
    except RegenerationError as error:
        print(f"regenerate.py: {error}", file=sys.stderr)
        return 1
    for change in changes:
        print(change)
    if options.check:
        print("generated/ differs; run: make regenerate" if changes else "generated/ is up to date")
        return 1 if changes else 0
    print(f"{len(changes)} files changed" if changes else "nothing changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

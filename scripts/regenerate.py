"""Generate the raw client in generated/ from the document that Gameball publishes, and report the changes.

python scripts/regenerate.py                       writes generated/ from openapi.yaml
python scripts/regenerate.py --from SOURCE ...     first replaces openapi.yaml with the document from SOURCE
python scripts/regenerate.py --check               writes nothing, and exits with 1 if a file would change

Either all files are written or none. CONTRIBUTING.md explains how to accept an API change.
"""

import argparse
import json
import sys
import tempfile
import traceback
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from attrs import evolve
from regeneration.comparison import Comparison, compare_with
from regeneration.completeness import check_completeness
from regeneration.document_walk import Document, listing
from regeneration.file_replacement import differences, read_tree, replace_all
from regeneration.generator import check_pins, generate
from regeneration.git_history import check_commit, has_history
from regeneration.merging import merge_sources
from regeneration.openapi_document import format_document, load_document
from regeneration.overlay import operation_ids, overlay_document
from regeneration.regeneration_error import RegenerationError
from regeneration.repairs.all_repairs import repair_document
from regeneration.repairs.repair import Repair, is_overruled
from regeneration.report import RunResult, as_json, as_text, repairs_as_text
from regeneration.sources import DocumentSource, read_source
from regeneration.tolerant_responses import relax_responses
from regeneration.validation import find_faults, validate_document, where

# The maximum number of faults to list if a document cannot be repaired.
_MOST_FAULTS: Final = 10
# Exit codes.
CHANGED: Final = 1
FAILED: Final = 2
INTERRUPTED: Final = 130
ROOT: Final = Path(__file__).resolve().parent.parent


def published_text(sources: Sequence[DocumentSource], kept: Path | None = None) -> bytes:
    """Return the new content of openapi.yaml.

    Args:
        sources: The documents that Gameball publishes.
        kept: The present openapi.yaml. If it is one of the sources, the others replace its operations.

    Returns:
        A single YAML document unchanged; JSON or several documents as one YAML document, formatted here.

    Raises:
        RegenerationError: The sources contradict each other.
    """
    if len(sources) == 1 and not sources[0].is_json:
        return sources[0].text.encode("utf-8")
    accepted = None if kept is None else kept.resolve()
    base = next((source for source in sources if Path(source.name).resolve() == accepted), None)
    return format_document(merge_sources(sources, base))


def build_document(root: Path, published: Document) -> tuple[Document, tuple[Repair, ...]]:
    """Build the document that the client is generated from: repaired, overlaid, checked and made tolerant.

    Args:
        root: The folder of the repository.
        published: The document as published.

    Returns:
        The document, and the repairs.

    Raises:
        RegenerationError: A settings file cannot be read, the document cannot be repaired, the overlay no
            longer fits, or the result is not valid.
    """
    overlay = load_document(root / "scripts" / "overlay.yaml")
    try:
        repaired, repairs = _repair(root, published)
        document = overlay_document(repaired, overlay, repairs)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        # Repairs fail on a value of the wrong type, such as a list instead of a name.
        found = islice(find_faults(published), _MOST_FAULTS)
        faults = tuple(f"at {where(place)}: {fault}" for place, fault in found)
        if not faults:
            raise
        raise RegenerationError(
            f"the document is not OpenAPI, {faults[0]}; fix it at its source", faults if faults[1:] else ()
        ) from error
    validate_document(document)
    reported = []
    for repair in repairs:
        note = ", replaced by the overlay" if is_overruled(document, repair) else ""
        reported.append(evolve(repair, remedy=repair.remedy + note))
    return relax_responses(document), tuple(reported)


def new_repairs(root: Path, repairs: tuple[Repair, ...], before: Document | None) -> tuple[Repair, ...]:
    """Return the repairs of faults that an earlier document did not have.

    Args:
        root: The folder of the repository.
        repairs: The repairs.
        before: The earlier document; without one, every repair is new.
    """
    known = {(repair.fault, repair.place) for repair in _repair(root, before)[1]} if before else set()
    return tuple(repair for repair in repairs if (repair.fault, repair.place) not in known)


def _repair(root: Path, published: Document) -> tuple[Document, tuple[Repair, ...]]:
    settings = root / "scripts"
    leftovers = load_document(settings / "regeneration" / "repairs" / "leftovers.yaml").get("leftovers")
    reserved = operation_ids(load_document(settings / "overlay.yaml"))
    return repair_document(published, listing(leftovers), reserved)


def regenerate(root: Path, sources: Sequence[str], against: str | None, *, check: bool) -> RunResult:
    """Generate the raw client, and write it and the document or compare with them.

    Args:
        root: The folder of the repository.
        sources: Paths or URLs of the published documents; without any, openapi.yaml is used.
        against: The commit to compare with; None compares with none.
        check: Whether to compare only, and write nothing.

    Returns:
        The files that differ, the repairs and the changes.

    Raises:
        RegenerationError: A step failed; no file was changed.
    """
    check_pins(root)
    if against is not None:
        check_commit(root, against)
    kept = root / "openapi.yaml"
    content = published_text([read_source(source) for source in sources], kept) if sources else None
    with tempfile.TemporaryDirectory(prefix="gameball-regenerate-") as name:
        source = Path(name) / "openapi.yaml"
        if content is not None:
            source.write_bytes(content)
        # Generate from the bytes that are written, so that the next run has the same result.
        published = load_document(kept if content is None else source)
        document, repairs = build_document(root, published)
        fresh = Path(name) / "generated"
        generate(document, fresh, root / "scripts")
        check_completeness(document, fresh)
        # The whole folder is compared: the generator did not write a file beside the package.
        files = differences(read_tree(fresh), read_tree(root / "generated"))
        if content is not None:
            found = {kept.name: kept.read_bytes()} if kept.exists() else {}
            files += differences({kept.name: content}, found)
        since = Comparison((), (), None)
        if against is not None:
            since = compare_with(against, root, fresh, published)
        new = new_repairs(root, repairs, since.document)
        if files and not check:
            replace_all({root / "generated": fresh} | ({} if content is None else {kept: source}))
    return RunResult(tuple(files), repairs, new, against, since.changes, since.published)


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line.

    Args:
        arguments: The command line arguments; by default those of this process.
        root: The folder of the repository.

    Returns:
        The exit code: 0 for success, 1 if ``--check`` found a difference, 2 for a failure or a usage error,
        130 for an interruption.
    """
    parser = argparse.ArgumentParser(prog="regenerate.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--from",
        dest="sources",
        nargs="+",
        default=[],
        metavar="SOURCE",
        help="paths or URLs of OpenAPI documents (YAML or JSON), or of Markdown pages with one in a fence",
    )
    parser.add_argument("--against", metavar="REF", help="the commit to compare with (default: HEAD)")
    parser.add_argument("--json", action="store_true", help="print a report as JSON, also of a failure")
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 on any difference, with 2 on a failure",
    )
    options = parser.parse_args(arguments)
    against: str | None = options.against
    # A check against generated/ must work without git, as in a source distribution.
    if against is None and (options.sources or options.json or not options.check) and has_history(root):
        against = "HEAD"
    try:
        outcome = regenerate(root, options.sources, against, check=options.check)
    except RegenerationError as error:
        return _fail(str(error), error.details, as_json=options.json)
    except KeyboardInterrupt:
        _fail("interrupted", (), as_json=options.json)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - an uncaught one would exit with 1, which means "changed"
        traceback.print_exc()
        return _fail(f"unexpected error: {error!r}", (), as_json=options.json)
    for line in repairs_as_text(outcome):
        print(line, file=sys.stderr)
    print(as_json(outcome) if options.json else as_text(outcome, check=options.check))
    return CHANGED if options.check and outcome.files else 0


def _fail(error: str, details: tuple[str, ...], *, as_json: bool) -> int:
    print("\n  ".join([f"regenerate.py: {error}", *details]), file=sys.stderr)
    if as_json:
        print(json.dumps({"error": error, "details": details}, indent=2))
    return FAILED


if __name__ == "__main__":
    sys.exit(main())

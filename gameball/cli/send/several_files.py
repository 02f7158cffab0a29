"""Several files with one ledger: their order, what must not have changed, and the record of each file."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Final

from attrs import define, evolve, field

from gameball.cli.send.rejects import beside
from gameball.cli.send.same_content import identify, path_in_ledger
from gameball.cli.send.tally import counted
from gameball.errors import LedgerMismatchError
from gameball.ledger.recorded_files import RecordedFile
from gameball.ledger.snapshot import reading
from gameball.ledger.store import LedgerStore
from gameball.sources import Source
from gameball.sources.joined import JoinedSource

#: The note in a ledger that lists the names of all files of the latest send, those not begun included.
FILES: Final = "files"
#: The content of an empty file.
EMPTY: Final = "empty"


def name_in_ledger(file: Path, ledger: Path) -> str:
    """Return the name of a file in a ledger: its path from the ledger's folder, so that both can be moved."""
    path = file.parent.resolve() / file.name  # the name of a link says what its format is
    try:
        return PurePath(os.path.relpath(path, ledger.resolve().parent)).as_posix()
    except ValueError:  # on another drive
        return path.as_posix()


def check_files(sources: Sequence[Source]) -> None:
    """Check that sources can share a ledger.

    Raises:
        ValueError: One of them is not a regular file.
    """
    for source in sources:
        if not source.is_file:
            raise ValueError(
                f"{source.name} can be read only once, so it cannot share a ledger with other sources: save "
                "it to a file, or send it by itself"
            )


def arrange(source: JoinedSource, store: LedgerStore, path: Path) -> JoinedSource:
    """Return files in the order in which a ledger records them, and after them those that are new.

    Args:
        source: The files.
        store: Their ledger, or a copy of it.
        path: The path of their ledger.

    Raises:
        LedgerMismatchError: A recorded file is missing or has changed, or a new one has a ledger of its own.
    """
    recorded = _recorded(store, path)
    given = {name_in_ledger(file.path, path): file for file in source.files if file.path is not None}
    _check_present(recorded, given, path)
    for file in recorded[:-1]:  # the last one may have grown
        if file.content != _content_of(given[file.name]):
            raise LedgerMismatchError(
                f"{given[file.name].name} has changed since it was sent with the ledger {path}: put back "
                "what it was, and put new events into a new file. Only the last file that was begun may grow"
            )
    first = [given.pop(file.name) for file in recorded]
    check_not_sent_alone(given.values(), path)
    return evolve(source, files=(*first, *given.values()))


def _recorded(store: LedgerStore, path: Path) -> list[RecordedFile]:
    """Return the files in a ledger. That of a single file is continued as one of several files."""
    files = store.files()
    if files or not store.is_bound():
        return files
    notes = store.notes()
    if notes.get(FILES):  # by a send that was killed before it sent anything of the others
        return [RecordedFile(json.loads(notes[FILES])[0], 0)]
    source = notes.get("source", "-")
    if source == "-":
        raise LedgerMismatchError(
            f"the ledger {path} was made for another source, which is not a file: use another ledger"
        )
    return [RecordedFile(name_in_ledger(Path(source), path), 0)]


def _check_present(recorded: Sequence[RecordedFile], given: Mapping[str, Source], path: Path) -> None:
    """Check that all recorded files are there: without them, the recorded requests cannot be recognised."""
    missing = next((file for file in recorded if file.name not in given), None)
    if missing is None:
        return
    file = path_in_ledger(missing.name, path)
    if file.exists():
        raise LedgerMismatchError(
            f"the ledger {path} records {file} too, which is not among the sources: name all files that it "
            "records, or use another ledger for other files"
        )
    known = {one.name for one in recorded}
    alike = (
        f". {source.name} has the same content: if it was renamed, give it its former name again"
        for name, source in given.items()
        if name not in known and missing.content is not None and _content_of(source) == missing.content
    )
    raise LedgerMismatchError(
        f"the ledger {path} records {file}, which does not exist any more: put it back; it is not sent "
        f"again{next(alike, '')}"
    )


def check_not_sent_alone(files: Iterable[Source], path: Path) -> None:
    """Check that files which are new to a ledger were not sent with ledgers of their own.

    Args:
        files: The files.
        path: The path of the ledger.

    Raises:
        LedgerMismatchError: One of them was.
    """
    sent: list[tuple[str, Path]] = []
    for file in files:
        own = Path() if file.path is None else beside(file.path.resolve())
        if own.is_file() and own != path.resolve():
            with reading(own) as ledger:
                sent += [(file.name, own)] if ledger.is_bound() else []
    if sent:
        name, own = sent[0]
        more = f", and so have {counted(len(sent) - 1, 'other file')}" if len(sent) > 1 else ""
        raise LedgerMismatchError(
            f"{name} has a ledger of its own, {own}{more}: its events may have been sent. Send all files "
            "without --ledger, as before, or move the files that were sent to another folder, with their "
            "ledgers"
        )


def _content_of(source: Source) -> str:
    """Identify the content of a file."""
    return (None if source.path is None else identify(source.path)) or EMPTY


@define
class FileLog:
    """The files that a send has begun to read, for the ledger and for messages.

    Args:
        ledger: The ledger.
    """

    ledger: Path
    #: What the ledger records. The workers read it while the reader appends.
    begun: list[RecordedFile] = field(factory=list, init=False)
    _sources: list[Source] = field(factory=list, init=False)

    def begin(self, source: Source, first: int) -> None:
        """Record that a file is begun, and that the one before it was read to its end."""
        if self._sources:
            self.begun[-1] = evolve(self.begun[-1], content=_content_of(self._sources[-1]))
        self._sources.append(source)
        name = name_in_ledger(source.path or Path(), self.ledger)
        self.begun.append(RecordedFile(name, first))

    def positions(self) -> dict[str, int]:
        """Return the position of the first item of each file, by the name of the file in messages."""
        return {source.name: file.first for source, file in zip(self._sources, self.begun, strict=True)}

    def describe(self, items: range) -> str:
        """Return the names of the files that have some items."""
        starts = [*(file.first for file in self.begun[1:]), items.stop]
        held = [
            source.name
            for source, file, stop in zip(self._sources, self.begun, starts, strict=False)
            if file.first < items.stop and stop > items.start
        ] or [self._sources[-1].name]
        return held[0] if len(held) == 1 else f"{held[0]} to {held[-1]}"

"""What a ledger records of the events of a dry run. A copy is read, so a send can go on using the ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

from gameball.chunking.chunk import Chunk
from gameball.cli.options import SendCommandOptions
from gameball.cli.send.source_ledger import fit_to_ledger, is_of_another_query
from gameball.errors import LedgerMismatchError
from gameball.ledger.known_chunks import KnownChunks
from gameball.ledger.snapshot import reading_copy
from gameball.ledger.store import LedgerStore
from gameball.receipts import Outcome
from gameball.sources import Source
from gameball.sources.joined import JoinedSource


@define
class RecordedEvents:
    """Counts the events of a source that a ledger has recorded.

    Attributes:
        source: The source, as it is to be read for the ledger.
        known: The recorded chunks.
        events: The number of recorded events with each outcome, of those that were read.
        problem: Why a send with this ledger would be refused, or None.
    """

    source: Source | JoinedSource
    known: KnownChunks
    _resends_unknown: bool = False
    problem: str | None = None
    events: dict[Outcome, int] = field(factory=lambda: dict.fromkeys(Outcome, 0))

    def take(self, chunk: Chunk) -> bool:
        """Count a chunk, and return whether a send would send it."""
        if self.problem is not None:
            return True
        try:
            recorded = self.known.match(chunk)
        except LedgerMismatchError:
            self.problem = (
                f"item {chunk.first + 1:,} and those after it differ from what it records: send the same "
                "source with the same options; with another ledger, all of it would be sent again"
            )
            return True
        if recorded is None:
            return True
        self.events[recorded.outcome] += recorded.events
        final = {Outcome.ACCEPTED} if self._resends_unknown else {Outcome.ACCEPTED, Outcome.UNKNOWN}
        return recorded.outcome not in final


@contextmanager
def recorded_events(
    path: Path, source: Source | JoinedSource, options: SendCommandOptions
) -> Iterator[RecordedEvents]:
    """Read a ledger, for as long as a dry run takes.

    Args:
        path: The ledger.
        source: The source that would be sent with it.
        options: The options of the command.

    Raises:
        LedgerError: The ledger cannot be read.
    """
    with reading_copy(path) as ledger:
        problem = _find_problem(ledger, source, options)
        if problem is None:
            try:
                source = fit_to_ledger(source, ledger, path)
            except LedgerMismatchError as error:
                problem = str(error)
        known = KnownChunks.of(()) if problem else ledger.known_chunks()
        yield RecordedEvents(source, known, options.on_unknown == "resend", problem)


def _find_problem(
    ledger: LedgerStore, source: Source | JoinedSource, options: SendCommandOptions
) -> str | None:
    """Return why a send with a ledger would be refused, whatever the events are, or None."""
    if is_of_another_query(source, ledger):
        return "it records another query or source: use another ledger, or repeat the query exactly"
    settings = ledger.settings()
    for name, given in (("max_objects", options.max_objects), ("max_bytes", options.max_bytes)):
        if settings.get(name, str(given)) != str(given):
            flag = "--" + name.replace("_", "-")
            return f"it was started with {flag} {settings[name]}: use the same value or another ledger"
    return None

"""What a ledger says about the events of a dry run. The ledger is copied, so a send can go on using it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from attrs import define, field

from gameball.chunking.chunk import Chunk
from gameball.cli.options import SendCommandOptions
from gameball.cli.same_content import QUERY_HASH, hash_query
from gameball.ledger.records import LedgerChunk, boundaries_of, digest
from gameball.ledger.snapshot import reading_copy
from gameball.receipts import Outcome
from gameball.sources import Source


@define
class RecordedEvents:
    """Counts the events of a source that a ledger has recorded.

    Attributes:
        next_boundary: Returns the first position after a given one at which a chunk must start.
        events: The number of recorded events with each outcome, of those that were read.
        problem: Why a send with this ledger would be refused, or None.
    """

    _known: Mapping[int, LedgerChunk]
    _resends_unknown: bool
    next_boundary: Callable[[int], int | None]
    events: dict[Outcome, int] = field(factory=lambda: dict.fromkeys(Outcome, 0))
    problem: str | None = None

    @classmethod
    def read(cls, path: Path, source: Source, options: SendCommandOptions) -> Self:
        """Read a ledger.

        Args:
            path: The ledger.
            source: The source that would be sent with it.
            options: The options of the command.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        with reading_copy(path) as ledger:
            chunks, settings, notes = ledger.chunks(), ledger.settings(), ledger.notes()
        problem = None
        for name, given in (("max_objects", options.max_objects), ("max_bytes", options.max_bytes)):
            if settings.get(name, str(given)) != str(given):
                flag = "--" + name.replace("_", "-")
                problem = f"it was started with {flag} {settings[name]}: use the same value or another ledger"
        if chunks and notes.get(QUERY_HASH, "") != hash_query(source.query):
            problem = "it records another query or source: use another ledger, or repeat the query exactly"
        known = {} if problem else {chunk.first: chunk for chunk in chunks}
        return cls(known, options.on_unknown == "resend", boundaries_of(known.values()), problem=problem)

    def take(self, chunk: Chunk) -> bool:
        """Count a chunk, and return whether a send would send it."""
        recorded = self._known.get(chunk.first)
        if recorded is None:
            return True
        if recorded.digest != digest(chunk):
            self.problem = self.problem or (
                f"item {chunk.first + 1:,} and those after it differ from what it records: send the same "
                "source with the same options, or use another ledger"
            )
            return True
        self.events[recorded.outcome] += recorded.events
        settled = {Outcome.ACCEPTED} if self._resends_unknown else {Outcome.ACCEPTED, Outcome.UNKNOWN}
        return recorded.outcome not in settled

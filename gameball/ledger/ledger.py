"""The ledger of a send, as users see it."""

import os
from types import TracebackType
from typing import Self

from gameball.ledger.records import LedgerChunk, LedgerRun
from gameball.ledger.store import LedgerStore
from gameball.receipts import Outcome


class Ledger:
    """A durable record of the outcome of each chunk of one source. It makes a send resumable.

    Before a chunk is sent, its intent is written to disk: its number, its source range and the SHA-256 hash
    of its content. After the response, its outcome and its job id are written. The ledger holds no payload
    and no key, only a salted hash of the API key. Only one process can have it open at a time, and a forked
    child cannot use a ledger that its parent has opened. Outside of a send it can be opened to inspect the
    outcomes.

    An incomplete file is rejected, never treated as empty. If a process is killed it leaves a file
    ``<path>-journal``: keep it, and move both files together.

    Args:
        path: The file. If it does not exist it is created, accessible only to its owner. While the ledger is
            open, ``<path>-journal`` and ``<path>-reserve`` may exist too.

    Raises:
        LedgerLockedError: Another process has the ledger open.
        LedgerError: The file cannot be opened, is not a ledger, or is incomplete.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._store = LedgerStore(path)

    def close(self) -> None:
        """Close the ledger, so that other processes can open it."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Ledger({str(self._store.path)!r})"

    def runs(self) -> list[LedgerRun]:
        """Return the sends that used the ledger, in order.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return self._store.runs()

    def chunks(self, outcome: Outcome | None = None) -> list[LedgerChunk]:
        """Return the recorded chunks, in the order of the source.

        Args:
            outcome: Return only chunks with this outcome. None returns all chunks.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return self._store.chunks(outcome)

    def count_events(self) -> dict[Outcome, int]:
        """Return the number of events with each outcome, without reading every chunk into memory.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return self._store.count_events()

    def ranges(self, outcome: Outcome) -> list[range]:
        """Return the positions of the source items whose chunks have an outcome.

        ``ledger.ranges(Outcome.UNKNOWN)`` returns the items that may or may not have been accepted, and
        ``Outcome.UNSENT`` those that were certainly not accepted. Items that no send has reached yet are in
        neither.

        Args:
            outcome: The outcome.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return [range(chunk.first, chunk.last + 1) for chunk in self._store.chunks(outcome)]

    def resolve(self, positions: range, outcome: Outcome) -> None:
        """Settle what is UNKNOWN, once you know whether it was accepted.

        The record is on disk when this returns. Later sends then skip the items, or send them again. ::

            with Ledger("likes.ledger") as ledger:
                for positions in ledger.ranges(Outcome.UNKNOWN):
                    ledger.resolve(positions, Outcome.ACCEPTED)

        Args:
            positions: The positions of the source items: a range of ``ranges(Outcome.UNKNOWN)``, or one that
                begins with one of these and ends with another. A chunk cannot be resolved in part.
            outcome: ACCEPTED if the events were counted, or UNSENT if they were not and must be sent again.

        Raises:
            ValueError: Not everything in the range is UNKNOWN, the range splits a chunk, or the outcome is
                neither ACCEPTED nor UNSENT. Nothing was changed.
            LedgerLockedError: A send in this process is using the ledger.
            LedgerError: The ledger cannot be read or written.
        """
        self._store.resolve(positions, outcome)


def store_of(ledger: Ledger) -> LedgerStore:
    """Return what a send and the command use of a ledger."""
    return ledger._store  # noqa: SLF001 - of the same module

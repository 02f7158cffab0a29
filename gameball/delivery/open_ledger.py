"""The ledger of one send, opened at its start if necessary, and then closed at its end."""

from collections.abc import Callable

from attrs import frozen

from gameball.chunking.chunk import Chunk
from gameball.delivery.options import SendOptions
from gameball.ledger.known_chunks import KnownChunks
from gameball.ledger.ledger import Ledger, store_of
from gameball.ledger.store import LedgerStore
from gameball.receipts import Receipt


@frozen
class OpenLedger:
    """The ledger of a send, as its ``DurableRecord``.

    Attributes:
        store: The ledger.
        closes: Whether the send opened the ledger, and so must close it.
        known: The chunks of earlier runs.
    """

    store: LedgerStore
    closes: bool
    known: KnownChunks

    def intend(self, number: int, chunk: Chunk) -> None:
        """Record that a chunk is about to be sent."""
        self.store.intend(number, chunk)

    def authorize(self) -> None:
        """Do nothing: the ledger's file stays locked for as long as the ledger is open."""

    def divide(self, number: int, parts: tuple[Chunk, Chunk]) -> None:
        """Record that a chunk is sent as two parts."""
        self.store.divide(number, parts)

    def conclude(self, receipt: Receipt) -> None:
        """Record the outcome of a chunk."""
        self.store.conclude(receipt)

    def end_run(self) -> None:
        """Record the end of the run, and close the ledger if the send opened it."""
        try:
            self.store.end_run()
        finally:
            if self.closes:
                self.store.close()


def open_ledger(options: SendOptions, base_url: str, account: Callable[[str], str]) -> OpenLedger | None:
    """Open the ledger of a send, if it has one, and start a run in it.

    Args:
        options: The options of the send. Those for the division into chunks must be as in earlier runs.
        base_url: The URL of the API. It must be as in earlier runs: a sandbox's records are not Gameball's.
        account: Returns a hash that identifies the account, given a salt: test and live accounts share a URL.

    Raises:
        LedgerError: The ledger cannot be used.
    """
    given = options.ledger
    if given is None:
        return None
    store, closes = (store_of(given), False) if isinstance(given, Ledger) else (LedgerStore(given), True)
    # An interrupt may come at any call, and must not leave the ledger locked.
    try:
        settings = {name: str(getattr(options, name)) for name in ("max_objects", "max_bytes", "coalesce")}
        settings["base_url"] = base_url
        return OpenLedger(store, closes, store.begin_run(settings, account))
    except BaseException:
        if closes:
            store.close()
        raise

"""The ledger of one send: opened at its start, and closed at its end where the send opened it."""

from collections.abc import Callable

from attrs import frozen

from gameball.delivery.options import SendOptions
from gameball.ledger.known_chunks import KnownChunks
from gameball.ledger.ledger import Ledger


@frozen
class OpenLedger:
    """The ledger of a send.

    Attributes:
        ledger: The ledger.
        closes: Whether the send opened it, and so closes it.
        known: What the ledger knows of the chunks of earlier runs.
    """

    ledger: Ledger
    closes: bool
    known: KnownChunks

    def end_run(self) -> None:
        """Record the end of the run, and close what the send has opened."""
        try:
            self.ledger.end_run()
        finally:
            if self.closes:
                self.ledger.close()


def open_ledger(options: SendOptions, base_url: str, account: Callable[[str], str]) -> OpenLedger | None:
    """Open the ledger of a send, if it has one, and begin a run in it.

    Args:
        options: The ledger, and how the events are divided, which must be as in earlier runs.
        base_url: Where they are sent. What a sandbox has accepted, Gameball has not.
        account: Tells, for a salt, the account from others: test and live accounts share their address.

    Raises:
        LedgerError: The ledger cannot be used.
    """
    given = options.ledger
    if given is None:
        return None
    ledger, closes = (given, False) if isinstance(given, Ledger) else (Ledger(given), True)
    settings = {name: str(getattr(options, name)) for name in ("max_objects", "max_bytes", "coalesce")}
    settings["base_url"] = base_url
    try:
        known = ledger.begin_run(settings, account)
    except BaseException:
        if closes:
            ledger.close()
        raise
    return OpenLedger(ledger, closes, known)

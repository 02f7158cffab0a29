"""How a send is to go: the arguments of ``events.send``, checked, and what is made of them."""

import os
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

from attrs import Attribute, field, frozen, validators

from gameball.chunking.builder import ChunkBuilder, check_whole
from gameball.chunking.chunk_events import OnInvalid
from gameball.delivery.event_source import EventSource
from gameball.delivery.retries import OnUnknown
from gameball.delivery.send_state import SendState
from gameball.ledger.ledger import Ledger
from gameball.receipts import Outcome

if TYPE_CHECKING:
    from gameball.ledger.records import LedgerChunk

#: How many requests are under way at a time, unless told otherwise.
DEFAULT_CONCURRENCY: Final = 4


def _outcomes_that_stop(stop_on_error: bool | Collection[Outcome]) -> frozenset[Outcome]:
    outcomes = frozenset(Outcome) - {Outcome.ACCEPTED}
    if isinstance(stop_on_error, bool):
        return outcomes if stop_on_error else frozenset()
    # An Outcome is a str, and so a collection of letters.
    if isinstance(stop_on_error, str):
        raise ValueError(  # noqa: TRY004 - as documented
            f"stop_on_error is {stop_on_error!r}; a bool or outcomes such as {{Outcome.UNKNOWN}}"
        )
    if unknown := sorted(map(str, frozenset(stop_on_error) - outcomes)):
        known = ", ".join(sorted(outcomes))
        raise ValueError(f"stop_on_error holds {', '.join(unknown)}; it may hold the outcomes {known}")
    return frozenset(stop_on_error)


def _check_bool(_: object, attribute: "Attribute[bool]", value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{attribute.name} is {value!r}, and must be True or False")  # noqa: TRY004 - as documented


@frozen
class SendOptions:
    """The arguments of a send; see ``Events.send``.

    Raises:
        ValueError: One of them is out of its range.
    """

    concurrency: int
    max_objects: int
    max_bytes: int
    coalesce: bool = field(validator=_check_bool)
    on_unknown: OnUnknown = field(validator=validators.in_(("report", "resend")))
    stop_on: frozenset[Outcome] = field(converter=_outcomes_that_stop)
    on_invalid: OnInvalid | None
    ledger: Ledger | str | os.PathLike[str] | None

    def __attrs_post_init__(self) -> None:
        check_whole("concurrency", self.concurrency)
        if isinstance(self.ledger, str) and not self.ledger:
            raise ValueError("ledger is blank; it is a path, an open Ledger or None")
        self.builder()

    def builder(self) -> ChunkBuilder:
        """Return what divides the events into chunks."""
        return ChunkBuilder(max_objects=self.max_objects, max_bytes=self.max_bytes, coalesce=self.coalesce)

    def begin(
        self, source: EventSource, base_url: str, account: Callable[[str], str]
    ) -> "tuple[SendState, OpenLedger | None]":
        """Begin the send, and its run in the ledger.

        Args:
            source: What was handed over.
            base_url: Where it is sent. What a sandbox has accepted, Gameball has not.
            account: Tells, for a salt, the account from others: test and live accounts share their address.

        Returns:
            The course of the send, and its ledger, if it has one.

        Raises:
            LedgerError: The ledger cannot be used.
        """
        ledger = None
        known: dict[int, LedgerChunk] = {}
        if self.ledger is not None:
            given = isinstance(self.ledger, Ledger)
            opened = self.ledger if isinstance(self.ledger, Ledger) else Ledger(self.ledger)
            ledger = OpenLedger(opened, closes=not given)
            settings = {name: str(getattr(self, name)) for name in ("max_objects", "max_bytes", "coalesce")}
            settings["base_url"] = base_url
            try:
                known = opened.begin_run(settings, account)
            except BaseException:
                ledger.close()
                raise
        state = SendState(
            concurrency=self.concurrency,
            stop_on=self.stop_on,
            on_unknown=self.on_unknown,
            source=source,
            known=known,
        )
        return state, ledger


@frozen
class OpenLedger:
    """The ledger of a send.

    Attributes:
        ledger: The ledger.
        closes: Whether the send opened it, and so closes it.
    """

    ledger: Ledger
    closes: bool

    def end_run(self) -> None:
        """Note the end of the run, and close what the send has opened."""
        try:
            self.ledger.end_run()
        finally:
            self.close()

    def close(self) -> None:
        """Close the ledger, if the send has opened it."""
        if self.closes:
            self.ledger.close()

"""The arguments of ``events.send``, and their checks."""

import os
from collections.abc import Collection
from typing import Final

from attrs import Attribute, field, frozen

from gameball.argument_checks import check_whole
from gameball.chunking.chunk_events import OnInvalid
from gameball.chunking.limits import check_chunk_limits
from gameball.delivery.deadline import Deadline
from gameball.delivery.decisions import OnUnknown, check_on_unknown
from gameball.ledger.ledger import Ledger
from gameball.ledger.reader import IN_MEMORY, NOT_IN_MEMORY
from gameball.receipts import Outcome

#: The default number of requests in flight at a time.
DEFAULT_CONCURRENCY: Final = 4


def _outcomes_that_stop(stop_on_error: bool | Collection[Outcome]) -> frozenset[Outcome]:
    outcomes = frozenset(Outcome) - {Outcome.ACCEPTED}
    if isinstance(stop_on_error, bool):
        return outcomes if stop_on_error else frozenset()
    # An Outcome is a str, and so also a collection of strings.
    if isinstance(stop_on_error, str):
        raise ValueError(  # noqa: TRY004 - as documented
            f"stop_on_error must be a bool or a set such as {{Outcome.UNKNOWN}}, got {stop_on_error!r}"
        )
    if unknown := sorted(map(str, frozenset(stop_on_error) - outcomes)):
        known = ", ".join(sorted(outcomes))
        raise ValueError(f"stop_on_error may contain only {known}, got {', '.join(unknown)}")
    return frozenset(stop_on_error)


def _check_bool(_: object, attribute: "Attribute[bool]", value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{attribute.name} must be True or False, got {value!r}")  # noqa: TRY004 - as documented


def _deadline_after(seconds: float | None) -> Deadline | None:
    return Deadline.after(seconds)


@frozen
class SendOptions:
    """The arguments of a send; see ``Events.send``.

    Raises:
        ValueError: An argument is out of range.
    """

    concurrency: int
    max_objects: int
    max_bytes: int
    coalesce: bool = field(validator=_check_bool)
    on_unknown: OnUnknown = field(validator=check_on_unknown)
    stop_on: frozenset[Outcome] = field(converter=_outcomes_that_stop)
    on_invalid: OnInvalid | None
    ledger: Ledger | str | os.PathLike[str] | None
    deadline: Deadline | None = field(default=None, converter=_deadline_after)
    ordered: bool = field(default=False, validator=_check_bool)

    def __attrs_post_init__(self) -> None:
        check_whole("concurrency", self.concurrency)
        check_chunk_limits(self.max_objects, self.max_bytes)
        if self.ledger is not None and not isinstance(self.ledger, Ledger | str | os.PathLike):
            kind = type(self.ledger).__name__
            raise ValueError(f"ledger must be a path, an open Ledger or None, got {kind}")
        if isinstance(self.ledger, str) and not self.ledger:
            raise ValueError("ledger must be a path, an open Ledger or None, got an empty string")
        if self.ledger == IN_MEMORY:
            raise ValueError(NOT_IN_MEMORY)
        if self.on_invalid is not None and not callable(self.on_invalid):
            raise ValueError(f"on_invalid must be a function or None, got {type(self.on_invalid).__name__}")

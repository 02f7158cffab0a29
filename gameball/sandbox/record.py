"""The requests that the sandbox received, so that tests can count them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson
from attrs import define, field

#: The versions of the API that the sandbox serves, the oldest first.
VERSIONS: Final = ("v4.0", "v4.1")
BATCH_PATH: Final = "/api/{version}/integrations/batch/events"
_BATCH_PATHS: Final = frozenset(BATCH_PATH.format(version=version) for version in VERSIONS)


@define
class Received:
    """A request that arrived.

    Attributes:
        number: Its number, from 0 in the order of arrival.
        at: When it arrived, in seconds of the monotonic clock.
        method: Its HTTP method.
        path: Its path.
        headers: Its headers, by name in lower case, without the keys.
        content: Its body.
        status: The status of its response, or None before there is one.
        accepted: Whether a job was started for it.
        job_id: The job that was started for it, or None.
    """

    number: int
    at: float
    method: str
    path: str
    headers: dict[str, str]
    content: bytes = field(repr=False)
    status: int | None = None
    accepted: bool = False
    job_id: int | None = None

    @property
    def is_batch(self) -> bool:
        """Whether it is a batch of events, in any version of the API."""
        return self.path in _BATCH_PATHS

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The objects of a batch."""
        body: list[dict[str, Any]] = orjson.loads(self.content)["body"]
        return body

    @property
    def events(self) -> Iterator[tuple[str, str, str]]:
        """The events of a batch, in order: customer, name, and metadata as JSON with sorted keys."""
        for item in self.objects:
            for name, metadata in item["events"].items():
                text = orjson.dumps(metadata, option=orjson.OPT_SORT_KEYS).decode()
                yield item["customerId"], name, text


def count_events(received: Iterable[Received]) -> Counter[tuple[str, str, str]]:
    """Count each event of the batches that were accepted."""
    return Counter(event for request in received if request.accepted for event in request.events)

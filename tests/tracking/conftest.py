"""Fixtures for the tests of trackers."""

import time
from collections.abc import Iterator

import pytest
from either_client import KEYS
from raw_server import RawServer
from waiting import LONGEST

from gameball import Gameball


@pytest.fixture
def silent() -> Iterator[Gameball]:
    """Return a client of a server that never responds."""
    with (
        RawServer(lambda *_: time.sleep(LONGEST)) as server,
        Gameball(*KEYS, base_url=server.url, rate_limits=None) as gb,
    ):
        yield gb

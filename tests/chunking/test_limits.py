"""The request limits that a user may set."""

from typing import Any

import pytest

from gameball import chunk_events


@pytest.mark.parametrize("limits", [{"max_objects": 0}, {"max_objects": 1001}, {"max_bytes": 0}])
def test_limits_out_of_range_are_refused_before_the_source_is_read(limits: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(limits))):
        chunk_events([], **limits)

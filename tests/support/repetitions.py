"""How often the tests repeat what depends on chance: random faults, and kills and interrupts at any moment.

``make test`` repeats them a few times. ``make test-long`` runs only the tests marked ``repeated``, with
``GAMEBALL_TEST_REPETITIONS`` times as many repetitions.
"""

import os
from typing import Final

_FACTOR: Final = int(os.environ.get("GAMEBALL_TEST_REPETITIONS", "1"))


def repetitions(count: int) -> int:
    """Return how often to repeat what ``make test`` repeats ``count`` times."""
    return count * _FACTOR

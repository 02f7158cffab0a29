"""A send of the command that takes long enough to be interrupted or killed."""

from typing import Final

#: The number of events.
COUNT: Final = 4000
WORDS: Final = ("events.jsonl", "--max-objects", "100", "--rate-limit", "none")

"""Events from JSON lines."""

from collections.abc import Iterator
from contextlib import closing, suppress
from operator import itemgetter, length_hint
from typing import Any, Final

import orjson

from gameball.errors import SourceError
from gameball.events import EventLike
from gameball.sources.json_values import UnparsableError, is_exact, parse_json
from gameball.sources.lines import TOO_LONG, LineBlock, LineBlocks
from gameball.sources.progress import ReadProgress
from gameball.sources.records import Items, OnProblem, Record, Records
from gameball.sources.shape import Shape

# The number of lines parsed at a time.
_GROUP: Final = 64
_THREE: Final = {3}
_OBJECTS: Final = {dict}
# Replaces a line that is refused although orjson could parse it; orjson cannot parse this value.
_REFUSED = b"!"


class _Left:
    """Counts the lines of a block that were not yielded yet."""

    __slots__ = ("behind", "group")

    def __init__(self, lines: int) -> None:
        #: The number of lines after the current group.
        self.behind = lines
        self.group: Iterator[Any] = iter(())

    def __iter__(self) -> Iterator[Any]:
        return self.group

    def __length_hint__(self) -> int:
        return self.behind + length_hint(self.group)


def jsonl_items(
    blocks: LineBlocks, shape: Shape, name: str, progress: ReadProgress, on_problem: OnProblem | None
) -> Items:
    """Read events as fast as they can be sent.

    Args:
        blocks: The lines. They are closed at the end.
        shape: How to interpret rows.
        name: The name of the source in messages.
        progress: Records what is read.
        on_problem: Called with the problem of each line that is not an event. Without it, the first problem
            is raised.

    Yields:
        The items, in order.

    Raises:
        SourceError: A line is not an event, or the source cannot be read; after all items before it.
    """
    # One function with local names, because it runs for every event; unusual lines are handled by _take.
    # Groups of lines go through loops written in C, which takes two thirds of the time; larger groups would
    # not fit the processor's cache.
    plain_keys = shape.plain_keys()
    pick = None if plain_keys is None else itemgetter(*plain_keys)
    with closing(blocks):
        for block in blocks:
            refused = _refuse_long_line(block)
            lines = block.lines
            left = _Left(len(lines))
            progress.begin_block(block.first, left)
            for start in range(0, len(lines), _GROUP):
                group = lines[start : start + _GROUP]
                left.behind -= len(group)
                rows = _parse_group(group)
                items: list[tuple[str, str, Any]] = []
                # A row with three keys that include these three has no others.
                if pick and set(map(type, rows)) == _OBJECTS and set(map(len, rows)) == _THREE:
                    with suppress(KeyError):
                        items = list(map(pick, rows))
                if items:
                    left.group = iter(items)
                    yield from left.group
                    continue
                left.group = iter(group)
                for index, line in enumerate(left.group, start):
                    row = rows[index - start] if rows else None
                    item, problem = _take(line, row, refused, shape)
                    if item is not None:
                        yield item
                        continue
                    progress.skip(block.first + index)
                    if problem is not None:
                        error = SourceError(source=name, line=block.first + index, reason=problem)
                        if on_problem is None:
                            raise error
                        on_problem(error)


def jsonl_records(blocks: LineBlocks) -> Records:
    """Read rows one by one, each with its line number.

    Args:
        blocks: The lines. They are closed at the end.

    Yields:
        A record for each line that is not blank.

    Raises:
        SourceError: The source cannot be read; after all records before.
    """
    with closing(blocks):
        for block in blocks:
            if block.long is not None:
                yield Record(block.first, None, TOO_LONG, block.long)
                continue
            for number, line in enumerate(block.lines, block.first):
                if not line.strip():
                    continue
                row, problem = _parse_row(line)
                yield Record(number, row, problem, None if problem is None else line)


def _parse_group(group: list[bytes]) -> list[Any]:
    """Parse lines, or return an empty list if each of them must be looked at."""
    try:
        rows = list(map(orjson.loads, group))
    except ValueError:
        return []
    return rows if is_exact(b"".join(group), rows) else []


def _refuse_long_line(block: LineBlock) -> str | None:
    """Return why the only line of a block is refused, whatever it contains, or None."""
    if block.long is None:
        return None
    block.lines[0] = _REFUSED
    return TOO_LONG


def _take(line: bytes, row: object, refused: str | None, shape: Shape) -> tuple[EventLike | None, str | None]:
    """Return the item of a line or its problem, or neither for a blank line.

    Args:
        line: The line.
        row: Its parsed value, or None if a line of its group could not be parsed.
        refused: Why it is refused whatever it contains, or None.
        shape: How to interpret rows.
    """
    if refused is not None:
        return None, refused
    if not line.strip():
        return None, None
    if type(row) is not dict:
        row, problem = _parse_row(line)
        if row is None:
            return None, problem
    _, item, problem = shape.interpret(row)
    return item, problem


def _parse_row(line: bytes) -> tuple[dict[str, Any] | None, str | None]:
    try:
        row = parse_json(line)
    except UnparsableError as error:
        return None, error.reason
    if not isinstance(row, dict):
        return None, "is not a JSON object"
    return row, None

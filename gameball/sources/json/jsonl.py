"""Events from JSON lines."""

from collections.abc import Callable, Iterator
from contextlib import closing
from operator import itemgetter, length_hint
from typing import Any, Final

import orjson

from gameball.errors import SourceError
from gameball.events import EventLike
from gameball.sources.files.lines import TOO_LONG, LineBlocks
from gameball.sources.mapping.row_mapping import RowMapping
from gameball.sources.records.progress import ReadProgress
from gameball.sources.records.record import Items, OnProblem, Record, Records
from gameball.sources.strict_json import UnparsableError, are_exact, check_parsed, parse_json

# The number of lines parsed at a time.
_GROUP: Final = 128
_THREE: Final = {3}
_CUSTOMER_ID: Final = itemgetter(0)
_METADATA: Final = itemgetter(2)
_TEXTS: Final = {str}
_OBJECTS: Final = {dict}


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
    blocks: LineBlocks, mapping: RowMapping, name: str, progress: ReadProgress, on_problem: OnProblem | None
) -> Items:
    """Read events as fast as they can be sent.

    Args:
        blocks: The lines. They are closed at the end.
        mapping: How to interpret rows.
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
    plain_keys = mapping.plain_keys()
    pick = None if plain_keys is None else itemgetter(*plain_keys)
    with closing(blocks):
        for block in blocks:
            lines = block.lines
            left = _Left(len(lines))
            progress.begin_block(block.first, left)
            progress.unit = block.unit
            for start in range(0, len(lines), _GROUP):
                group = lines[start : start + _GROUP]
                left.behind -= len(group)
                rows, items = _parse_group(group, pick)
                if items:
                    left.group = iter(items)
                    yield from left.group
                    continue
                left.group = iter(group)
                for index, line in enumerate(left.group, start):
                    row = rows[index - start] if rows else None
                    item, problem = (None, TOO_LONG) if block.long is not None else _take(line, row, mapping)
                    if item is not None:
                        yield item
                        continue
                    progress.skip(block.first + index)
                    if problem is not None:
                        reason = problem + block.place(index)
                        error = SourceError(
                            source=name, line=block.first + index, reason=reason, unit=block.unit
                        )
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
                yield Record(block.first, None, TOO_LONG + block.place(0), block.long)
                continue
            for number, line in enumerate(block.lines, block.first):
                if not line.strip():
                    continue
                row, problem = _parse_row(line)
                if problem is not None:
                    yield Record(number, None, problem + block.place(number - block.first), line)
                else:
                    yield Record(number, row)


def _parse_group(
    lines: list[bytes], pick: Callable[[Any], tuple[str, str, Any]] | None
) -> tuple[list[Any], list[tuple[str, str, Any]]]:
    """Parse lines, and return their values and items.

    Args:
        lines: The lines.
        pick: Returns the item of a row that has three keys and no others.

    Returns:
        No values if one of the lines cannot be parsed, and no items unless all lines are simple and exact.
    """
    rows: list[Any] = []
    items: list[tuple[str, str, Any]] = []
    try:
        rows = list(map(orjson.loads, lines))
        # A row with three keys that include these three has no others.
        if pick and set(map(type, rows)) == _OBJECTS and set(map(len, rows)) == _THREE:
            items = list(map(pick, rows))
            # Customer ids that are integers become text in RowMapping.interpret.
            if set(map(type, map(_CUSTOMER_ID, items))) != _TEXTS:
                items = []
    except (KeyError, ValueError):
        pass
    if items and not are_exact(lines, list(map(_METADATA, items)), keys=3):
        items = []
    return rows, items


def _take(line: bytes, row: object, mapping: RowMapping) -> tuple[EventLike | None, str | None]:
    """Return the item of a line or its problem, or neither for a blank line.

    Args:
        line: The line.
        row: What orjson returned for it, or None if a line of its group could not be parsed.
        mapping: How to interpret rows.
    """
    if not line.strip():
        return None, None
    fields, problem = _parse_row(line, row)
    if fields is None:
        return None, problem
    _, item, problem = mapping.interpret(fields)
    return item, problem


def _parse_row(line: bytes, parsed: object = None) -> tuple[dict[str, Any] | None, str | None]:
    try:
        row = parse_json(line) if parsed is None else check_parsed(line, parsed)
    except UnparsableError as error:
        return None, error.reason
    if not isinstance(row, dict):
        return None, "is not a JSON object"
    return row, None

"""Events from JSON lines."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from operator import itemgetter, length_hint
from typing import Any, Final

import orjson

from gameball.errors import SourceError
from gameball.events import EventLike, find_problem
from gameball.sources.lines import TOO_LONG, LineBlock, LineBlocks
from gameball.sources.progress import ReadProgress
from gameball.sources.records import Items, OnProblem, Record, Records
from gameball.sources.shape import Shape

# orjson reads an integer of more than 64 bits as a float, which loses its last digits. Such an integer has 20
# digits, or 19 and a sign. Finding these with a regular expression takes twice as long as parsing the lines;
# replacing every digit by a zero and searching for zeros takes a tenth of that. Searching every fourth byte
# for five zeros in a row first halves the time again.
_AS_ZEROS: Final = bytes(ord("0") if byte in b"-0123456789" else byte for byte in range(256))
_LONG: Final = b"0" * 20
_STRIDE: Final = 4
_LONG_IN_STRIDES: Final = b"0" * (len(_LONG) // _STRIDE)
# Such digits are harmless inside a string, which is where most of them are found.
_LONG_INTEGER: Final = re.compile(rb"(?:^|[\s:,\[])-?[0-9]{19,}(?=[\s,\]}]|$)")


class UnparsableError(ValueError):
    """Text that is not JSON, or JSON that cannot be read without loss.

    Args:
        reason: The message for the user. It contains nothing of the text.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def may_hold_long_integer(data: bytes) -> bool:
    """Return whether bytes may contain an integer of more than 64 bits.

    Args:
        data: The bytes, of any length.

    Returns:
        False if they certainly contain none.
    """
    sample = data[::_STRIDE].translate(_AS_ZEROS)
    return _LONG_IN_STRIDES in sample and _LONG in data.translate(_AS_ZEROS)


def parse_json(text: bytes) -> Any:  # noqa: ANN401 - JSON may be anything
    """Parse JSON.

    Args:
        text: The JSON text, in UTF-8.

    Returns:
        Its value. If a key is repeated in an object, the last value is used.

    Raises:
        UnparsableError: It is not JSON, or contains an integer of more than 64 bits.
    """
    reason: str | None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        reason = f"is not JSON ({error.msg}, column {error.colno})"
    else:
        reason = find_long_integer(text)
        if reason is None:
            return value
    try:
        text.decode()
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 (byte {error.start + 1})"
    # Raised outside the except block: the exception of orjson contains the text and would be its context.
    raise UnparsableError(reason)


def find_long_integer(text: bytes) -> str | None:
    """Find an integer that orjson cannot read exactly.

    Args:
        text: JSON that orjson can parse.

    Returns:
        The message for the user, or None if there is no such integer.
    """
    if not may_hold_long_integer(text) or _LONG_INTEGER.search(text) is None:
        return None
    try:
        problem = find_problem(json.loads(text), "")
    except RecursionError:  # json and find_problem allow less nesting than orjson
        return "is nested too deeply"
    if problem is None:
        return None
    place, reason = problem
    return f"{place.removeprefix('.')} {reason}".lstrip()


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
    loads = orjson.loads
    plain_keys = shape.plain_keys()
    pick = None if plain_keys is None else itemgetter(*plain_keys)
    with closing(blocks):
        for block in blocks:
            lines, refused = block.lines, _refuse_lines(block)
            left = _Left(len(lines))
            progress.begin_block(block.first, left)
            for start in range(0, len(lines), _GROUP):
                group = lines[start : start + _GROUP]
                left.behind -= len(group)
                rows: list[Any] = []
                items: list[tuple[str, str, Any]] = []
                try:
                    rows = list(map(loads, group))
                    # A row with three keys that include these three has no others.
                    if pick and set(map(type, rows)) == _OBJECTS and set(map(len, rows)) == _THREE:
                        items = list(map(pick, rows))
                except (KeyError, ValueError):
                    pass
                if items:
                    left.group = iter(items)
                    yield from left.group
                    continue
                left.group = iter(group)
                for index, line in enumerate(left.group, start):
                    row = rows[index - start] if rows else None
                    item, problem = _take(line, row, refused.get(index), shape)
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


def _refuse_lines(block: LineBlock) -> Mapping[int, str]:
    """Find the lines of a block that must be refused although they can be parsed."""
    if block.long is not None:
        block.lines[0] = _REFUSED
        return {0: TOO_LONG}
    refused: dict[int, str] = {}
    if may_hold_long_integer(block.data):
        for index, line in enumerate(block.lines):
            if may_hold_long_integer(line):
                _, problem = _parse_row(line)
                if problem is not None:
                    block.lines[index] = _REFUSED
                    refused[index] = problem
    return refused


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

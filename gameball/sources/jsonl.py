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
# digits, or 19 and a sign. Looking for these with a regular expression takes twice as long as parsing the
# lines; writing every digit as a zero and looking for zeros takes a tenth of that. Among every fourth byte,
# five zeros in a row are looked for first, which halves it once more.
_AS_ZEROS: Final = bytes(ord("0") if byte in b"-0123456789" else byte for byte in range(256))
_LONG: Final = b"0" * 20
_STRIDE: Final = 4
_LONG_IN_STRIDES: Final = b"0" * (len(_LONG) // _STRIDE)
# In a text such digits are nothing special, and most of those that are found are in one.
_LONG_INTEGER: Final = re.compile(rb"(?:^|[\s:,\[])-?[0-9]{19,}(?=[\s,\]}]|$)")


class UnparsableError(ValueError):
    """What is no JSON, or JSON that cannot be read faithfully.

    Args:
        reason: What to tell the user. It holds nothing of the text.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def may_hold_long_integer(data: bytes) -> bool:
    """Tell whether an integer of more than 64 bits may be somewhere in some bytes.

    Args:
        data: The bytes, of any length.

    Returns:
        False where there certainly is none.
    """
    sample = data[::_STRIDE].translate(_AS_ZEROS)
    return _LONG_IN_STRIDES in sample and _LONG in data.translate(_AS_ZEROS)


def parse_json(text: bytes) -> Any:  # noqa: ANN401 - JSON may be anything
    """Parse JSON.

    Args:
        text: The JSON text, in UTF-8.

    Returns:
        Its value. Of equal keys in an object the last one counts.

    Raises:
        UnparsableError: It is no JSON, or holds an integer of more than 64 bits.
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
    # Raised here and not above: the exception of orjson holds the text, and would be the context of this one.
    raise UnparsableError(reason)


def find_long_integer(text: bytes) -> str | None:
    """Find an integer that orjson has changed.

    Args:
        text: JSON that orjson can parse.

    Returns:
        What to tell the user, or None where there is no such integer.
    """
    if not may_hold_long_integer(text) or _LONG_INTEGER.search(text) is None:
        return None
    try:
        problem = find_problem(json.loads(text), "")
    except RecursionError:  # both look less deeply than orjson
        return "is nested too deeply"
    if problem is None:
        return None
    place, reason = problem
    return f"{place.removeprefix('.')} {reason}".lstrip()


# How many lines are parsed at a time.
_GROUP: Final = 64
_THREE: Final = {3}
_OBJECTS: Final = {dict}
# Stands for a line that is refused although orjson can parse it, and is nothing that orjson can parse.
_REFUSED = b"!"


class _Left:
    """Tells how many lines of a block were not given yet."""

    __slots__ = ("behind", "group")

    def __init__(self, lines: int) -> None:
        #: The lines behind the group at hand.
        self.behind = lines
        self.group: Iterator[Any] = iter(())

    def __iter__(self) -> Iterator[Any]:
        return self.group

    def __length_hint__(self) -> int:
        return self.behind + length_hint(self.group)


def jsonl_items(  # noqa: C901 - see the comment
    blocks: LineBlocks, shape: Shape, name: str, progress: ReadProgress, on_problem: OnProblem | None
) -> Items:
    """Read events as fast as they can be sent.

    Args:
        blocks: The lines. They are closed at the end.
        shape: What rows stand for.
        name: What messages call the source.
        progress: Is told what is read.
        on_problem: Is called with the problem of each line that is no event. Without it the first one is
            raised.

    Yields:
        The items, in order.

    Raises:
        SourceError: A line is no event, or the source cannot be read. All items before it were given.
    """
    # One straight run on local names, because it runs for every event; what is out of the ordinary goes to
    # _take. A few lines at a time go through loops written in C, which takes two thirds of the time; more of
    # them at a time would not stay in the processor's cache.
    loads = orjson.loads
    plain_keys = shape.plain_keys()
    pick = None if plain_keys is None else itemgetter(*plain_keys)
    try:
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
                        # Rows of three keys that have these three have no other.
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
    except SourceError as problem_found:
        error = problem_found
    else:
        return
    # The locals of this frame, and of those below, may be shown in a traceback.
    line = row = rows = item = items = block = lines = group = left = None  # type: ignore[assignment]
    raise error.with_traceback(None)


def jsonl_records(blocks: LineBlocks) -> Records:
    """Read rows one by one, each with its line.

    Args:
        blocks: The lines. They are closed at the end.

    Yields:
        A record for each line that is not blank.

    Raises:
        SourceError: The source cannot be read. All records before were given.
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
    """Find the lines of a block that must not be read although they could be."""
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
    """Make an item of a line that is out of the ordinary, or tell why it is none; a blank line is neither.

    Args:
        line: The line.
        row: What is known to be in it; None where one of the lines around it could not be parsed.
        refused: Why it is refused whatever is in it, or None.
        shape: What rows stand for.
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

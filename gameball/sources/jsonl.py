"""Events from JSON lines: the fast pass for sending, and the exact one for finding lines again."""

from collections.abc import Mapping
from contextlib import closing
from operator import length_hint
from typing import Any

import orjson

from gameball.chunker import EventLike
from gameball.errors import SourceError
from gameball.sources.json_text import UnparsableError, may_hold_long_integer, parse_json
from gameball.sources.lines import TOO_LONG, LineBlock, LineBlocks
from gameball.sources.progress import Progress
from gameball.sources.records import Items, OnProblem, Record, Records
from gameball.sources.shape import Shape

# Stands for a line that is refused although orjson can parse it, and is nothing that orjson can parse.
_REFUSED = b"!"


def jsonl_items(  # noqa: C901 - see the comment
    blocks: LineBlocks, shape: Shape, name: str, progress: Progress, on_problem: OnProblem | None
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
    # _take. Counting lines here would cost a twentieth more: their iterator knows how many it has left.
    loads = orjson.loads
    # A key that no row has sends every row to _take.
    customer_key, name_key, metadata_key = shape.plain_keys() or (None, None, None)
    try:
        with closing(blocks):
            for block in blocks:
                lines, refused = block.lines, _refuse_lines(block)
                iterator = iter(lines)
                progress.begin_block(block.first, iterator)
                for line in iterator:
                    item: EventLike | None = None
                    row: Any = None
                    try:
                        row = loads(line)
                        if len(row) == 3:  # noqa: PLR2004 - customer, name and metadata; a constant is slower
                            item = (row[customer_key], row[name_key], row[metadata_key])
                    except (KeyError, TypeError, ValueError):
                        pass
                    if item is None:
                        index = len(lines) - length_hint(iterator) - 1
                        item, problem = _take(line, row, refused.get(index), shape)
                        if item is None:
                            progress.skip(block.first + index)
                            if problem is None:
                                continue
                            error = SourceError(source=name, line=block.first + index, reason=problem)
                            if on_problem is None:
                                raise error
                            on_problem(error)
                            continue
                    yield item
    except SourceError as problem_found:
        error = problem_found
    else:
        return
    # The locals of this frame, and of those below, may be shown in a traceback.
    line = row = item = block = lines = iterator = None  # type: ignore[assignment]
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
    """Make an item of a line that is out of the ordinary, or tell why it is none; a blank line is neither."""
    if refused is not None:
        return None, refused
    if type(row) is dict:
        _, item, problem = shape.interpret(row)
        return item, problem
    if not line.strip():
        return None, None
    return None, _parse_row(line)[1]


def _parse_row(line: bytes) -> tuple[dict[str, Any] | None, str | None]:
    try:
        row = parse_json(line)
    except UnparsableError as error:
        return None, error.reason
    if not isinstance(row, dict):
        return None, "is not a JSON object"
    return row, None

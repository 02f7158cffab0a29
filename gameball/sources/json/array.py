"""Splitting of a file that is one JSON array into its items.

No existing streaming parser of JSON is used, because they drop repeated keys. This module only splits the
array; each item is parsed like a line of JSONL.
"""

import re
from collections.abc import Generator
from contextlib import closing
from typing import Final

from attrs import define

from gameball.errors import SourceError
from gameball.sources.files.compression import Blocks, UnreadableError
from gameball.sources.files.lines import BYTE_ORDER_MARK, KEPT, MAX_LINE, LineBlock, LineBlocks, split_lines

_SPACE: Final = b" \t\r\n"
# What neither begins nor ends a value, and whole strings, so that an item takes few steps.
_WITHIN: Final = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_BETWEEN: Final = re.compile(rb'(?:[^"{}\[\],]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_IN_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)


def split_array(blocks: Blocks, name: str) -> LineBlocks:
    """Split a JSON array into its items, or JSON lines into lines if the file has these instead.

    Args:
        blocks: The bytes. They are closed at the end.
        name: The name of the source in messages.

    Yields:
        The texts of the items, in blocks. Whether an item is JSON is not checked.

    Raises:
        SourceError: The source cannot be read, is truncated, or has something after its array; after all
            complete items before.
    """
    with closing(blocks):
        start, problem = _read_start(blocks)
        again = _put_back(start, problem, blocks)
        text = start.removeprefix(BYTE_ORDER_MARK)
        inner = _items(again, name) if text.lstrip(_SPACE).startswith(b"[") else split_lines(again, name)
        with closing(inner):
            yield from inner


def _read_start(blocks: Blocks) -> tuple[bytes, UnreadableError | None]:
    """Read until a byte that is not blank."""
    start = b""
    try:
        for block in blocks:
            start += block
            if len(start) >= len(BYTE_ORDER_MARK) and start.removeprefix(BYTE_ORDER_MARK).strip(_SPACE):
                break
    except UnreadableError as error:
        return start, error
    return start, None


def _put_back(start: bytes, problem: UnreadableError | None, rest: Blocks) -> Blocks:
    if start:
        yield start
    if problem is not None:
        raise problem
    yield from rest


def _items(blocks: Blocks, name: str) -> LineBlocks:
    splitter = _Splitter()
    problem: SourceError | None = None
    with closing(blocks):
        try:
            for block in blocks:
                yield from splitter.take(block)
                if splitter.reason is not None:
                    break
        except UnreadableError as error:
            number = None if error.whole else splitter.number
            problem = SourceError(source=name, line=number, reason=error.reason, unit="item", skippable=False)
    if problem is None and not splitter.ended:
        reason = splitter.reason or "is truncated: the end of its array is missing"
        reason = f"{reason} (line {splitter.last_line})"
        problem = SourceError(source=name, line=splitter.number, reason=reason, unit="item", skippable=False)
    elif splitter.reason is not None:
        problem = SourceError(source=name, line=None, reason=splitter.reason)
    if problem is not None:
        raise problem


@define
class _Splitter:
    """Where the splitting of an array stands.

    Attributes:
        data: The bytes that were not yielded yet, and some that were.
        start: Where in them the current item starts.
        place: How far they were searched.
        number: The number of the current item, counted from 1.
        line: The line on which ``start`` is.
        reason: Why nothing more can be read, or None.
        ended: Whether the array has ended.
    """

    data: bytes = b""
    start: int = 0
    place: int = 0
    number: int = 1
    line: int = 1
    depth: int = 0
    begun: bool = False
    in_string: bool = False
    # The start of an item that is too long, whose rest is dropped, and its line.
    long: tuple[bytes, int] | None = None
    reason: str | None = None
    ended: bool = False

    @property
    def last_line(self) -> int:
        """The line on which ``data`` ends."""
        return self.line + self.data.count(b"\n", self.start)

    def take(self, block: bytes) -> Generator[LineBlock, None, None]:  # noqa: C901 - one state
        """Yield the items that a block completes."""
        self.data = self.data[self.start :] + block
        self.place -= self.start
        self.start = 0
        if not self.begun:
            self.begun = True
            self._begin_item(self.data.index(b"[") + 1)
        first, texts, lines = self.number, list[bytes](), list[int]()
        while not self.ended and self._find_end():
            text = self.data[self.start : self.place]
            self.ended = self.data[self.place : self.place + 1] == b"]"
            if self.ended and self.number == 1 and self.long is None and not text.strip(_SPACE):
                self._begin_item(self.place + 1)  # the array is empty
                break
            if self.long is None and len(text) > MAX_LINE:
                self.long = text[:KEPT], self.line
            if self.long is not None:
                if texts:
                    yield LineBlock(first, texts, b"", unit="item", at=lines)
                start, line = self.long
                yield LineBlock(self.number, [b""], b"", start, unit="item", at=[line])
                first, texts, lines = self.number + 1, [], []
                self.long = None
            else:
                item = text.lstrip(_SPACE)
                lines.append(self.line + text.count(b"\n", 0, len(text) - len(item)))
                # Nothing between two commas is not JSON, whereas a blank line would be skipped.
                texts.append(item.rstrip(_SPACE) or b",")
            self.number += 1
            self._begin_item(self.place + 1)
        if texts:
            yield LineBlock(first, texts, b"", unit="item", at=lines)
        if self.ended and self.data[self.start :].strip(_SPACE):
            self.reason = "has more text after the end of its array: a file must have one array"
        elif self.ended:
            self._begin_item(len(self.data))
        elif self.long is not None or len(self.data) - self.start > MAX_LINE:
            self.long = self.long or (self.data[self.start : self.start + KEPT], self.line)
            self._begin_item(self.place)

    def _begin_item(self, start: int) -> None:
        self.line += self.data.count(b"\n", self.start, start)
        self.start = self.place = start

    def _find_end(self) -> bool:
        """Search for the comma or bracket that ends the current item, and return whether it was found."""
        data = self.data
        while self.place < len(data):
            if self.in_string:
                self.place = _IN_STRING.match(data, self.place).end()  # type: ignore[union-attr]
                # After a backslash at the end, the character that it escapes is in the next block.
                if data[self.place : self.place + 1] != b'"':
                    return False
                self.in_string = False
                self.place += 1
                continue
            pattern = _WITHIN if self.depth else _BETWEEN
            self.place = pattern.match(data, self.place).end()  # type: ignore[union-attr]
            sign = data[self.place : self.place + 1]
            if sign == b'"':
                self.in_string = True
            elif sign and sign in b"{[":
                self.depth += 1
            elif self.depth and sign:
                self.depth -= 1
            elif sign in {b",", b"]"}:
                return True
            self.place += len(sign)
        return False

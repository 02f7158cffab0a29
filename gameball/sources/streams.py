"""Bytes of a file or of standard input, decompressed, block by block."""

import errno
import sys
import weakref
from collections.abc import Generator
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO, Final, Literal, Protocol, cast

from attrs import define, field, frozen

from gameball.sources.progress import ReadProgress

Compression = Literal["gz", "zst"]
# Generators, and not any iterators, because each is closed by the one that reads it.
Blocks = Generator[bytes, None, None]

#: The bytes that are read and divided at once. Four times as much was a tenth slower: it does not fit the
#: cache.
BLOCK_SIZE: Final = 64 * 1024
STANDARD_INPUT: Final = "standard input"

# A kilobyte of zstandard can stand for 32 MiB (a repeated byte takes 4 bytes per 128 KiB), and the
# decompressor gives all of it at once: memory stays bounded only when it is fed little by little.
_ZSTANDARD_FEED: Final = 1024


class UnreadableError(Exception):
    """The bytes end before they should; never seen by users, who get a ``SourceError`` with the line.

    Args:
        reason: What to tell the user.
        whole: Nothing of the source can be read, so that no line is to be named.
    """

    def __init__(self, reason: str, *, whole: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.whole = whole


class BinaryFile(Protocol):
    """An open file of bytes, such as ``open(path, "rb")`` or ``gzip.open(path)``."""

    def read(self, size: int, /) -> bytes | None:
        """Read at most so many bytes."""


@define(eq=False)
class Spool:
    """A copy of what was read of standard input, for reading it again.

    Whoever reads gets the copy first, and then what standard input still holds, which is copied in turn.
    """

    _file: IO[bytes] | None = field(default=None, init=False, repr=False)
    _length: int = field(default=0, init=False)

    def blocks(self, size: int) -> Blocks:
        """Read from the start.

        Args:
            size: The most bytes of a block.

        Yields:
            Blocks of what standard input holds or held.

        Raises:
            OSError: Standard input cannot be read, or its copy not written.
        """
        position = 0
        while True:
            file = self._file
            if file is None:
                import tempfile  # noqa: PLC0415 - only those who spool pay for it

                file = self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the spool
                weakref.finalize(self, file.close)
            if position < self._length:
                file.seek(position)
                block = file.read(min(size, self._length - position))
            else:
                block = _read_some(_standard_input(), size)
                file.seek(self._length)
                file.write(block)
                self._length += len(block)
            if not block:
                return
            position += len(block)
            yield block


@frozen
class Input:
    """Where bytes come from.

    Args:
        name: What messages call it.
        path: The file, or None.
        file: An open binary file that is not ours to close, or None.
        compression: How the bytes are compressed.
        spool: The copy of standard input. With no path, no file and no spool, standard input itself is read.
        block_size: The most bytes to read at once.
    """

    name: str
    path: Path | None = None
    file: BinaryFile | None = field(default=None, repr=False)
    compression: Compression | None = None
    spool: Spool | None = None
    block_size: int = BLOCK_SIZE

    def blocks(self, progress: ReadProgress) -> Blocks:
        """Read it, opening it at the first block.

        Args:
            progress: Is told the bytes read, as they lie on disk.

        Yields:
            Blocks of decompressed bytes, none of them empty.

        Raises:
            UnreadableError: It cannot be read, or breaks off.
        """
        raw = self._raw_blocks(progress)
        if self.compression == "gz":
            return _gunzip(raw, self.block_size)
        return _unzstandard(raw, self.block_size) if self.compression == "zst" else raw

    def _raw_blocks(self, progress: ReadProgress) -> Blocks:
        opened = False
        reason = None
        try:
            with closing(self._open()) as blocks:
                for block in blocks:
                    opened = True
                    progress.bytes_read += len(block)
                    yield block
        except OSError as error:
            reason = error.strerror or type(error).__name__
        except ValueError:  # what Python raises for a file object that was closed
            reason = "the file is closed"
        if reason is not None:
            raise UnreadableError(f"cannot be read ({reason})", whole=not opened)

    def _open(self) -> Blocks:
        if self.path is not None:
            with self.path.open("rb", buffering=0) as file:
                while block := file.read(self.block_size):
                    yield block
        elif self.file is not None:
            while block := _read_some(self.file, self.block_size):
                yield block
        elif self.spool is not None:
            yield from self.spool.blocks(self.block_size)
        else:
            while block := _read_some(_standard_input(), self.block_size):
                yield block


def _standard_input() -> BinaryFile:
    if sys.stdin is None:
        raise OSError(errno.EBADF, "there is no standard input")
    return sys.stdin.buffer


def _read_some(file: BinaryFile, size: int) -> bytes:
    # read() would wait for a whole block, and hold back the lines of a pipe that is slow to fill.
    read = getattr(file, "read1", file.read)
    block: bytes | None = read(size)
    return block or b""


class _BlockFile:
    """Blocks as a file, for ``gzip``, which reads from files.

    Args:
        blocks: The blocks.
    """

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")
        self.is_empty = True

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes, but two at least unless the end comes before.

        A pipe is not waited for until all are there; but ``gzip`` takes a magic number of one byte for a
        broken one.
        """
        while len(self._rest) < min(size, 2) and (block := next(self._blocks, b"")):
            self._rest = memoryview(bytes(self._rest) + block)
            self.is_empty = False
        data, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return data


def _gunzip(raw: Blocks, size: int) -> Blocks:
    import gzip  # noqa: PLC0415 - only those who read compressed files pay for it
    import zlib  # noqa: PLC0415

    begun = False
    reason = None
    with closing(raw):
        source = _BlockFile(raw)
        # read1 gives what was decompressed before it comes upon a broken end; read would drop that.
        with gzip.GzipFile(fileobj=cast("IO[bytes]", source)) as file:
            try:
                while block := file.read1(size):
                    begun = True
                    yield block
            except EOFError:
                reason = "is cut off: its gzip stream has no end"
            except (gzip.BadGzipFile, zlib.error):
                reason = "is damaged, or no gzip file"
    if reason is None and source.is_empty:
        reason = "is cut off: its gzip stream has no end"
    if reason is not None:
        raise UnreadableError(reason, whole=not begun)


def _unzstandard(raw: Blocks, size: int) -> Blocks:
    decoder = None
    begun = damaged = False
    parts: list[bytes] = []
    held = 0
    with closing(raw):
        zstandard = _import_zstandard()
        for block in raw:
            data, rest = b"", block
            try:
                while data or rest:
                    if not data:
                        data, rest = rest[:_ZSTANDARD_FEED], rest[_ZSTANDARD_FEED:]
                    decoder = decoder or zstandard.ZstdDecompressor().decompressobj()
                    parts.append(decoder.decompress(data))
                    held += len(parts[-1])
                    data = b""
                    if decoder.eof:
                        data, decoder, begun = decoder.unused_data, None, True
                    if held >= size:
                        begun = True
                        yield from _divide(parts, size)
                        held = 0
            except zstandard.ZstdError:
                damaged = True
            # What a pipe gave is passed on even where it is little.
            begun = begun or held > 0
            yield from _divide(parts, size)
            held = 0
            if damaged:
                raise UnreadableError("is damaged, or no zstandard file", whole=not begun)
    if decoder is not None or not begun:
        raise UnreadableError("is cut off: its zstandard stream has no end", whole=not begun)


def _divide(parts: list[bytes], size: int) -> Blocks:
    data = b"".join(parts)
    parts.clear()
    for start in range(0, len(data), size):
        yield data[start : start + size]


def _import_zstandard() -> ModuleType:
    # Only those who read such files pay for it, or need it at all.
    with suppress(ImportError):
        return import_module("zstandard")
    raise UnreadableError("needs zstandard: pip install 'gameball-client[cli]'", whole=True)

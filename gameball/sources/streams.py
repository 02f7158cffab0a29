"""Decompressed blocks of bytes from a file or standard input."""

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
# Generators, not iterators, because each is closed by its reader.
Blocks = Generator[bytes, None, None]

#: The bytes to read and split at once. Four times as much was 10% slower, because it does not fit the cache.
BLOCK_SIZE: Final = 64 * 1024
STANDARD_INPUT: Final = "standard input"

# A kilobyte of zstandard can decompress to 32 MiB (a repeated byte takes 4 bytes per 128 KiB), which the
# decompressor returns at once. Small inputs keep memory bounded.
_ZSTANDARD_FEED: Final = 1024


class UnreadableError(Exception):
    """The bytes cannot be read or are truncated; converted to a ``SourceError`` with the line.

    Args:
        reason: The message for the user.
        whole: Nothing of the source can be read, so the error has no line.
    """

    def __init__(self, reason: str, *, whole: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.whole = whole


class BinaryFile(Protocol):
    """An open file of bytes, such as ``open(path, "rb")`` or ``gzip.open(path)``."""

    def read(self, size: int, /) -> bytes | None:
        """Read at most ``size`` bytes."""


@define(eq=False)
class Spool:
    """A copy of standard input, so that it can be read again.

    Reading returns the copy first, and then the rest of standard input, which is copied as well.
    """

    _file: IO[bytes] | None = field(default=None, init=False, repr=False)
    _length: int = field(default=0, init=False)

    def blocks(self, size: int) -> Blocks:
        """Read from the start.

        Args:
            size: The maximum bytes of a block.

        Yields:
            The blocks of standard input.

        Raises:
            OSError: Standard input cannot be read, or its copy cannot be written.
        """
        position = 0
        while True:
            file = self._file
            if file is None:
                import tempfile  # noqa: PLC0415 - imported only when needed

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
    """A source of bytes.

    Args:
        name: Its name in messages.
        path: The file, or None.
        file: An open binary file, which is not closed, or None.
        compression: The compression of the bytes, or None.
        spool: The copy of standard input. Without a path, file and spool, standard input itself is read.
        block_size: The maximum bytes to read at once.
    """

    name: str
    path: Path | None = None
    file: BinaryFile | None = field(default=None, repr=False)
    compression: Compression | None = None
    spool: Spool | None = None
    block_size: int = BLOCK_SIZE

    def blocks(self, progress: ReadProgress) -> Blocks:
        """Read the bytes. The source is opened at the first block.

        Args:
            progress: Records the number of bytes read, as stored on disk.

        Yields:
            Blocks of decompressed bytes, none of them empty.

        Raises:
            UnreadableError: The source cannot be read, or is truncated.
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
        except ValueError:  # raised by Python for a closed file object
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
    # read() would wait for a whole block and delay the lines of a slow pipe.
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
        """Read at most ``size`` bytes, and at least two unless the input ends.

        It does not wait until a pipe has all of them, but ``gzip`` treats a magic number of one byte as
        damage.
        """
        while len(self._rest) < min(size, 2) and (block := next(self._blocks, b"")):
            self._rest = memoryview(bytes(self._rest) + block)
            self.is_empty = False
        data, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return data


def _gunzip(raw: Blocks, size: int) -> Blocks:
    import gzip  # noqa: PLC0415 - imported only when a compressed file is read
    import zlib  # noqa: PLC0415

    begun = False
    reason = None
    with closing(raw):
        source = _BlockFile(raw)
        # read1 returns the data before a truncated or damaged end; read would drop it.
        with gzip.GzipFile(fileobj=cast("IO[bytes]", source)) as file:
            try:
                while block := file.read1(size):
                    begun = True
                    yield block
            except EOFError:
                reason = "is truncated: its gzip stream has no end"
            except (gzip.BadGzipFile, zlib.error):
                reason = "is damaged or not a gzip file"
    if reason is None and source.is_empty:
        reason = "is truncated: its gzip stream has no end"
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
            # Data from a pipe is yielded even if it is little.
            begun = begun or held > 0
            yield from _divide(parts, size)
            held = 0
            if damaged:
                raise UnreadableError("is damaged or not a zstandard file", whole=not begun)
    if decoder is not None or not begun:
        raise UnreadableError("is truncated: its zstandard stream has no end", whole=not begun)


def _divide(parts: list[bytes], size: int) -> Blocks:
    data = b"".join(parts)
    parts.clear()
    for start in range(0, len(data), size):
        yield data[start : start + size]


def _import_zstandard() -> ModuleType:
    # Imported only when a zstandard file is read, because it is optional.
    with suppress(ImportError):
        return import_module("zstandard")
    raise UnreadableError("needs zstandard: pip install 'gameball-client[cli]'", whole=True)

"""Decompression of blocks of bytes, and recognition of compressed data."""

import re
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, suppress
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import IO, Final, Literal, Protocol, cast

Compression = Literal["gz", "zst", "bz2", "xz"]
# Generators, not iterators, because each is closed by its reader.
Blocks = Generator[bytes, None, None]

# A kilobyte of zstandard can decompress to 32 MiB (a repeated byte takes 4 bytes per 128 KiB), which the
# decompressor returns at once. Small inputs keep memory bounded.
_ZSTANDARD_FEED: Final = 1024

#: The first bytes of each kind of compressed data. No JSON and no CSV begins with them.
_MAGIC: Final[Mapping[Compression, bytes]] = MappingProxyType(
    {
        "gz": b"\x1f\x8b\x08",
        "zst": b"\x28\xb5\x2f\xfd",
        "bz2": b"BZh",
        "xz": b"\xfd7zXZ\x00",
    }
)
# A table may have a column named BZh: the digit and the start of the first block distinguish it from
# compressed data.
_BZIP2: Final = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_LONGEST_MAGIC: Final = 10
# gzip's message for a header of which only the first byte is there.
_ONE_BYTE: Final = (f"Not a gzipped file ({_MAGIC['gz'][:1]!r})",)


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


def decompress(raw: Blocks, compression: Compression | None, size: int) -> Blocks:
    """Decompress data.

    Args:
        raw: The data. It is closed at the end.
        compression: How it is compressed, or None.
        size: The maximum bytes of a block.

    Yields:
        Blocks of decompressed bytes, none of them empty.

    Raises:
        UnreadableError: The data is damaged or truncated; after everything before.
    """
    if compression == "gz":
        return _gunzip(raw, size)
    if compression == "zst":
        return _unzstandard(raw, size)
    if compression == "bz2":
        return _unbzip2(raw, size)
    return _unxz(raw, size) if compression == "xz" else raw


def decompress_recognised(raw: Blocks, size: int) -> Blocks:
    """Decompress data if its first bytes say that it is compressed; see ``decompress``."""
    with closing(raw):
        start = b""
        while _may_become_magic(start) and (block := next(raw, b"")):
            start += block
        with closing(decompress(_put_back(start, raw), _recognise(start), size)) as blocks:
            yield from blocks


def _may_become_magic(start: bytes) -> bool:
    """Return whether more bytes are needed to recognise compressed data."""
    if start.startswith(_MAGIC["bz2"]):
        return len(start) < _LONGEST_MAGIC
    return any(len(start) < len(magic) and magic.startswith(start) for magic in _MAGIC.values())


def _recognise(start: bytes) -> Compression | None:
    """Return the compression of data, or None.

    Args:
        start: The first bytes, at least 10 of them unless there are no more.
    """
    for compression, magic in _MAGIC.items():
        if start.startswith(magic) and (compression != "bz2" or _BZIP2.match(start)):
            return compression
    return None


def _put_back(start: bytes, rest: Blocks) -> Blocks:
    if start:
        yield start
    yield from rest


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
                reason = "is truncated: the end of its gzip stream is missing"
            except (gzip.BadGzipFile, zlib.error) as error:
                reason = "is damaged or not a gzip file"
                if error.args == _ONE_BYTE:
                    reason = "is truncated: the end of its gzip stream is missing"
    if reason is None and source.is_empty:
        reason = "is truncated: the end of its gzip stream is missing"
    if reason is not None:
        raise UnreadableError(reason, whole=not begun)


class _Decoder(Protocol):
    """A decompressor of ``bz2`` or ``lzma``, for one stream."""

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was reached."""

    @property
    def needs_input(self) -> bool:
        """Whether it has nothing more to return without more input."""

    @property
    def unused_data(self) -> bytes:
        """What follows the end of the stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most so many bytes; the rest of them stays in the decompressor."""


def _unbzip2(raw: Blocks, size: int) -> Blocks:
    import bz2  # noqa: PLC0415 - imported only when a compressed file is read

    return _decode(raw, bz2.BZ2Decompressor, OSError, "bzip2", size)


def _unxz(raw: Blocks, size: int) -> Blocks:
    import lzma  # noqa: PLC0415

    return _decode(raw, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ), lzma.LZMAError, "xz", size)


def _decode(
    raw: Blocks, new_decoder: Callable[[], _Decoder], damage: type[Exception], name: str, size: int
) -> Blocks:
    """Decompress any number of streams, with zeros between and after them.

    ``bz2.open`` and ``lzma.open`` are not used: they drop what follows a stream if it is damaged, and would
    so lose lines without an error.
    """
    decoder: _Decoder | None = None
    begun = False
    reason = f"is truncated: the end of its {name} stream is missing"
    with closing(raw):
        for block in raw:
            data = block.lstrip(b"\0") if decoder is None and begun else block
            part = b""
            try:
                # After the last byte of a block, bz2 says that it needs input, but may still hold most of it.
                while data or (decoder is not None and (part or not decoder.needs_input)):
                    decoder = decoder or new_decoder()
                    part = decoder.decompress(data, size)
                    data = b""
                    if part:
                        begun = True
                        yield part
                    if decoder.eof:
                        data, decoder, begun = decoder.unused_data, None, True
                    if decoder is None:
                        data = data.lstrip(b"\0")
            except damage:
                reason = f"is damaged or not of the format {name}"
                break
        else:
            if decoder is None and begun:
                return
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
        raise UnreadableError("is truncated: the end of its zstandard stream is missing", whole=not begun)


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

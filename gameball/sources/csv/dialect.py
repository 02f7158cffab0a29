"""How the text of a CSV file is written: its separators, quotes, nulls and encoding."""

import codecs
import re
from contextlib import closing
from typing import Final

from attrs import field, frozen

from gameball.sources.files.compression import Blocks, UnreadableError
from gameball.sources.files.file_formats import is_tsv

UTF_8: Final = "utf-8"
_SEPARATOR_LINE: Final = re.compile("sep=(.)")
_UTF_16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def _read_tab(delimiter: str | None) -> str | None:
    # A tab is hard to write in a shell.
    return "\t" if delimiter == "\\t" else delimiter


@frozen
class Dialect:
    """How a CSV file is written.

    Args:
        delimiter: The character between cells. By default a tab for .tsv files, and a comma otherwise. A
            first line such as ``sep=;`` overrules it.
        quote: The character around cells with delimiters or line feeds.
        null: The text of cells that have no value, or None. Such cells of any type become None.
        encoding: The encoding, by a name that Python knows. A file that begins with a UTF-16 byte order mark
            is read as UTF-16 in any case.
        header: The first row has the names of the columns. Without it, they are named 1, 2 and so on.

    Raises:
        ValueError: A character or the encoding is not one.
    """

    delimiter: str | None = field(default=None, converter=_read_tab)
    quote: str = '"'
    null: str | None = None
    encoding: str = UTF_8
    header: bool = True

    def __attrs_post_init__(self) -> None:
        for name, sign in (("delimiter", self.delimiter), ("quote", self.quote)):
            if sign is not None and (len(sign) != 1 or sign in "\r\n"):
                raise ValueError(f"the {name} is {sign!r} but must be one character")
        if self.delimiter == self.quote:
            raise ValueError(f"the delimiter and the quote are both {self.quote!r}")
        try:
            # Also fails for encodings of bytes, such as base64, which do not give text.
            "".encode(self.encoding)
        except LookupError:
            known = False
        else:
            known = True
        if not known:
            raise ValueError(f"unknown encoding {self.encoding!r}")

    def delimiter_of(self, first_line: str, name: str) -> tuple[str, bool]:
        """Return the delimiter of a file, and whether its first line only says which one it is.

        Args:
            first_line: Its first line. Spreadsheets write ``sep=;`` there.
            name: Its name.
        """
        found = _SEPARATOR_LINE.fullmatch(first_line.rstrip("\r\n"))
        if found is not None and found[1] != self.quote:
            return found[1], True
        by_name = "\t" if is_tsv(name) else ","
        return self.delimiter or by_name, False


#: The usual form: commas, double quotes, UTF-8 and a header.
PLAIN: Final = Dialect()


def to_utf_8(blocks: Blocks, encoding: str) -> Blocks:
    """Convert blocks of text to UTF-8.

    Args:
        blocks: The bytes. They are closed at the end.
        encoding: Their encoding. UTF-16 is recognised by its byte order mark.

    Yields:
        The same text in UTF-8. UTF-8 itself is not checked.

    Raises:
        UnreadableError: The text does not have the encoding; after all blocks before.
    """
    failed = False
    with closing(blocks):
        start = next(blocks, b"")
        while len(start) < len(codecs.BOM_UTF16_LE) and (more := next(blocks, b"")):
            start += more
        if start.startswith(_UTF_16_MARKS):
            encoding = "utf-16"
        if codecs.lookup(encoding).name == UTF_8:
            if start:
                yield start
            yield from blocks
            return
        decoder = codecs.getincrementaldecoder(encoding)()
        block, final = start, False
        while not (failed or final):
            try:
                final = not block
                text = decoder.decode(block, final=final)
            except UnicodeError:
                failed = True
            else:
                if data := text.encode(errors="surrogatepass"):
                    yield data
                block = next(blocks, b"")
    if failed:
        raise UnreadableError(f"is not {encoding}")

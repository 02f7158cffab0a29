"""CSV files in other dialects and encodings."""

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_files import COMPRESS, read_until_error, write

from gameball.sources import read_csv
from gameball.sources.csv.dialect import Dialect

ROW = ("c", "liked", {"n": "1,5"})


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("customer_id;name;n\nc;liked;1,5\n", {"delimiter": ";"}),
        ("sep=;\r\ncustomer_id;name;n\r\nc;liked;1,5\r\n", {}),
        ("\ufeffsep=\t\ncustomer_id\tname\tn\nc\tliked\t1,5\n", {}),
        ("customer_id\tname\tn\nc\tliked\t1,5\n", {"delimiter": "\\t"}),
        ("customer_id,name,n\nc,liked,'1,5'\n", {"quote": "'"}),
        ("c|liked|1,5\n", {"delimiter": "|", "header": False, "rename": {"customer_id": "1", "name": "2"}}),
    ],
)
def test_a_file_in_another_dialect_is_read(content: str, options: dict[str, Any]) -> None:
    (item,) = read_csv(io.BytesIO(content.encode()), **options)
    assert item == (*ROW[:2], {"3" if "header" in options else "n": "1,5"})


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_tsv_file_has_tabs(tmp_path: Path, ending: str) -> None:
    content = b"customer_id\tname\tn\nc\tliked\t1,5\n"
    path = write(tmp_path, "events.tsv" + ending, COMPRESS[ending](content))
    assert list(read_csv(path)) == [ROW]


def test_cells_that_stand_for_nothing_are_none_whatever_their_type() -> None:
    content = b"customer_id,name,n,t\nc,liked,NA,NA\nd,liked,7,NAN\n"
    items = list(read_csv(io.BytesIO(content), null="NA", types={"n": "int"}))
    assert items == [("c", "liked", {"n": None, "t": None}), ("d", "liked", {"n": 7, "t": "NAN"})]


@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), size=st.integers(1, 9))
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "gb18030"])
def test_text_of_other_encodings_is_read_exactly(encoding: str, name: str, size: int) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    content = f"customer_id,name\nc,{quoted}\nd,{quoted}\n".encode(encoding)

    class Slow(io.BytesIO):
        def read1(self, _: int | None = -1, /) -> bytes:
            return super().read1(size)

    items = list(read_csv(Slow(content), encoding="utf-8" if encoding == "utf-16" else encoding))
    assert items == [("c", name, {}), ("d", name, {})]


def test_text_that_does_not_have_the_encoding_ends_the_reading() -> None:
    content = "customer_id,name\nc,liked\n".encode("utf-16") + b"x"
    _, error = read_until_error(read_csv(io.BytesIO(content)))
    assert error is not None
    assert error.reason == "is not utf-16"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": ";;"}, "the delimiter is ';;' but must be one character"),
        ({"quote": ""}, "the quote is '' but must be one character"),
        ({"delimiter": '"'}, "the delimiter and the quote are both '\"'"),
        ({"encoding": "nonsense"}, "unknown encoding 'nonsense'"),
        ({"encoding": "base64"}, "unknown encoding 'base64'"),
    ],
)
def test_a_dialect_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Dialect(**options)


@given(
    content=st.binary(max_size=200) | st.text(st.sampled_from('a,;"\r\n=')).map(str.encode),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-7", "gb18030", "punycode", "idna"]),
    header=st.booleans(),
)
def test_any_bytes_end_in_items_problems_or_a_source_error(
    content: bytes, encoding: str, header: bool
) -> None:
    lines: list[int] = []
    rename = None if header else {"customer_id": "1", "name": "2"}
    reading = read_csv(
        io.BytesIO(content),
        encoding=encoding,
        header=header,
        rename=rename,
        on_problem=lambda error: lines.append(error.line or 0),
    )
    read_until_error(reading)
    assert lines == sorted(set(lines))

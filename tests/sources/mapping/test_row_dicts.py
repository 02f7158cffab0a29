import pytest
from hypothesis import given
from hypothesis import strategies as st

from gameball.sources.mapping.row_dicts import dicts_with


@given(keys=st.lists(st.text(), unique=True, max_size=30).map(tuple), count=st.integers(0, 5))
def test_any_keys_give_what_a_dictionary_of_each_row_gives(keys: tuple[str, ...], count: int) -> None:
    rows = [tuple(range(start, start + len(keys))) for start in range(count)]
    assert dicts_with(keys)(rows) == [dict(zip(keys, row, strict=True)) for row in rows]


def test_a_row_of_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="values to unpack"):
        dicts_with(("a", "b"))([(1, 2), (3,)])

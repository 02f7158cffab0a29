"""Exact conversion of Arrow arrays to values that JSON can represent.

pyarrow's own ``to_pylist`` is not used for nested values, times of day and nanoseconds: its results depend on
whether pandas is installed, and some of them lose digits.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import Callable


#: Raised by pyarrow for years after 9999, invalid UTF-8 and unknown time zones (a KeyError).
UNREPRESENTABLE: Final = (ValueError, OverflowError, KeyError)

_THOUSAND: Final = 1_000
# The length of a time up to its microseconds, as isoformat writes it.
_UP_TO_MICROSECONDS: Final = 26


@frozen
class Refused:
    """Marks a cell or a row that cannot be sent.

    Args:
        reason: The message for the user. It contains nothing of the cell.
        value: The cell, if Python can represent it.
    """

    reason: str
    value: object = field(default=None, repr=False)


def find_problem_of_type(kind: Any) -> str | None:  # noqa: ANN401 - a pyarrow type
    """Return why no value of a type can be sent, or None if values can be.

    Args:
        kind: The Arrow type.
    """
    import pyarrow.types as check  # noqa: PLC0415 - optional

    if check.is_dictionary(kind) or check.is_run_end_encoded(kind) or _is_list(kind):
        return find_problem_of_type(kind.value_type)
    if check.is_map(kind):
        return find_problem_of_type(kind.key_type) or find_problem_of_type(kind.item_type)
    if check.is_struct(kind):
        members = [kind.field(number) for number in range(kind.num_fields)]
        if len({member.name for member in members}) < len(members):
            return "is a struct with several fields of the same name"
        return next((problem for one in members if (problem := find_problem_of_type(one.type))), None)
    if _is_uuid(kind):
        return None
    if _is_extension(kind):
        return find_problem_of_type(kind.storage_type)
    if _is_text(kind) or any(
        accepts(kind)
        for accepts in (
            check.is_null,
            check.is_boolean,
            check.is_integer,
            check.is_floating,
            check.is_decimal,
            check.is_date,
            check.is_time,
            check.is_timestamp,
        )
    ):
        return None
    return f"is of the Arrow type {kind}, which JSON cannot represent: convert it to text, or leave it out"


def is_text(kind: Any) -> bool:  # noqa: ANN401 - a pyarrow type
    """Return whether a type is text, encoded or not."""
    import pyarrow.types as check  # noqa: PLC0415 - optional

    if check.is_dictionary(kind) or check.is_run_end_encoded(kind):
        return is_text(kind.value_type)
    return _is_text(kind) or (_is_extension(kind) and not _is_uuid(kind) and is_text(kind.storage_type))


def to_values(array: Any) -> tuple[list[Any], bool]:  # noqa: ANN401 - a pyarrow array
    """Convert an array.

    Args:
        array: The array, of a type for which ``find_problem_of_type`` returns None.

    Returns:
        The value of each cell, and whether one of them is refused. A cell that cannot be converted is a
        ``Refused``. Null is None.
    """
    try:
        return _convert(array), False
    except _UnrepresentableError:
        pass
    values: list[Any] = []
    for index in range(len(array)):
        try:
            values.extend(_convert(array.slice(index, 1)))
        except _UnrepresentableError as error:
            values.append(Refused(error.reason))
    return values, True


class _UnrepresentableError(Exception):
    """A value of an array cannot be represented."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _convert(array: Any) -> list[Any]:  # noqa: ANN401 - a pyarrow array
    return _converter(array.type)(array)


def _converter(kind: Any) -> Callable[[Any], list[Any]]:  # noqa: ANN401 - a pyarrow type
    import pyarrow.types as check  # noqa: PLC0415 - optional

    for accepts, convert in (
        (check.is_dictionary, _dictionaries),
        (check.is_run_end_encoded, _run_end_encoded),
        (_is_uuid, _plain),
        (_is_extension, lambda array: _convert(array.storage)),
        (check.is_struct, _structs),
        (check.is_map, _maps),
        (_is_list, _lists),
        (check.is_time, _times),
        (partial(_is_timestamp_of, "ns"), _nanoseconds),
        (_is_utc, _utc_times),
    ):
        if accepts(kind):
            return convert
    return _plain


def _plain(array: Any) -> list[Any]:  # noqa: ANN401 - a pyarrow array
    try:
        values: list[Any] = array.to_pylist()
    except UNREPRESENTABLE:
        pass
    else:
        return values
    raise _UnrepresentableError(_unrepresentable(array))


def _unrepresentable(array: Any) -> str:  # noqa: ANN401 - a pyarrow array
    return f"holds a {array.type} that Python cannot represent"


def _dictionaries(array: Any) -> list[Any]:  # noqa: ANN401 - a pyarrow array
    try:
        return _convert(array.dictionary_decode())
    except NotImplementedError:  # pyarrow cannot take from views of strings, which polars has
        pass
    # Only the values that are used: the dictionary may be that of a much longer table.
    indices = array.indices.to_pylist()
    values = {index: array.dictionary[index].as_py() for index in set(indices) - {None}}
    return [values.get(index) for index in indices]


def _run_end_encoded(array: Any) -> list[Any]:  # noqa: ANN401 - a pyarrow array
    import pyarrow.compute as pc  # noqa: PLC0415 - optional

    return _convert(pc.run_end_decode(array))


def _times(array: Any) -> list[Any]:  # noqa: ANN401 - a pyarrow array
    # As text, because JSON has no times of day, and Python's have no nanoseconds.
    import pyarrow as pa  # noqa: PLC0415 - optional

    return _plain(array.cast(pa.string()))


def _utc_times(array: Any) -> list[Any]:  # noqa: ANN401 - a pyarrow array
    # By way of text, which takes a tenth of the time that pyarrow takes to make Python's times.
    import pyarrow as pa  # noqa: PLC0415 - optional

    try:
        # The view without a zone needs no database of time zones, which Windows does not have.
        local = array.cast(pa.timestamp("us", tz="UTC")).view(pa.timestamp("us"))
        texts = local.cast(pa.string()).to_pylist()
        return [None if text is None else datetime.fromisoformat(text + "+00:00") for text in texts]
    except UNREPRESENTABLE:
        pass
    raise _UnrepresentableError(_unrepresentable(array))


def _nanoseconds(array: Any) -> list[Any]:  # noqa: ANN401 - a pyarrow array
    """Convert times in nanoseconds: to text where microseconds, which Python's times have, lose digits."""
    import pyarrow as pa  # noqa: PLC0415 - optional

    microseconds = pa.timestamp("us", tz=array.type.tz)
    try:
        exact = array.cast(microseconds)
    except pa.ArrowInvalid:
        pass
    else:
        return _convert(exact)
    ticks = array.view(pa.int64()).to_pylist()
    floored = pa.array([None if tick is None else tick // _THOUSAND for tick in ticks], pa.int64())
    return [
        time if tick is None or tick % _THOUSAND == 0 else _with_nanoseconds(time, tick % _THOUSAND)
        for time, tick in zip(_convert(floored.view(microseconds)), ticks, strict=True)
    ]


def _with_nanoseconds(time: datetime, nanoseconds: int) -> object:
    if time.tzinfo is None:  # a send refuses it with the right reason
        return time
    text = time.isoformat(timespec="microseconds")
    return f"{text[:_UP_TO_MICROSECONDS]}{nanoseconds:03}{text[_UP_TO_MICROSECONDS:]}"


def _structs(array: Any) -> list[Any]:  # noqa: ANN401 - a pyarrow array
    names = [array.type.field(number).name for number in range(array.type.num_fields)]
    # flatten applies the nulls of the structs to their members, and regards the array's own range only.
    members = [_convert(member) for member in array.flatten()]
    rows = zip(*members, strict=True) if members else [()] * len(array)
    objects = [dict(zip(names, row, strict=True)) for row in rows]
    return _with_nulls(array, objects)


def _lists(array: Any) -> list[Any]:  # noqa: ANN401 - a pyarrow array
    import pyarrow.compute as pc  # noqa: PLC0415 - optional

    # flatten leaves out the items of null lists, which have the length None here.
    items = _convert(array.flatten())
    lists: list[list[Any] | None] = []
    position = 0
    for length in pc.list_value_length(array).to_pylist():
        lists.append(None if length is None else items[position : position + length])
        position += length or 0
    return lists


def _maps(array: Any) -> list[Any]:  # noqa: ANN401 - a pyarrow array
    offsets = array.offsets.to_pylist()
    first, length = offsets[0], offsets[-1] - offsets[0]
    keys = _convert(array.keys.slice(first, length))
    values = _convert(array.items.slice(first, length))
    maps = []
    for start, end in pairwise(offsets):
        entries = dict(
            zip(keys[start - first : end - first], values[start - first : end - first], strict=True)
        )
        if len(entries) < end - start:
            raise _UnrepresentableError("holds a map with the same key twice")
        maps.append(entries)
    return _with_nulls(array, maps)


def _with_nulls(array: Any, values: list[Any]) -> list[Any]:  # noqa: ANN401 - a pyarrow array
    if not array.null_count:
        return values
    valid = array.is_valid().to_pylist()
    return [value if is_valid else None for value, is_valid in zip(values, valid, strict=True)]


def _is_text(kind: Any) -> bool:  # noqa: ANN401 - a pyarrow type
    # By name, because pyarrow 15 has no views of strings.
    return str(kind) in {"string", "large_string", "string_view"}


def _is_list(kind: Any) -> bool:  # noqa: ANN401 - a pyarrow type
    import pyarrow.types as check  # noqa: PLC0415 - optional

    return bool(check.is_list(kind) or check.is_large_list(kind) or check.is_fixed_size_list(kind))


def _is_timestamp_of(unit: str, kind: Any) -> bool:  # noqa: ANN401 - a pyarrow type
    import pyarrow.types as check  # noqa: PLC0415 - optional

    return bool(check.is_timestamp(kind) and kind.unit == unit)


def _is_utc(kind: Any) -> bool:  # noqa: ANN401 - a pyarrow type
    import pyarrow.types as check  # noqa: PLC0415 - optional

    return bool(check.is_timestamp(kind) and kind.tz == "UTC")


def _is_extension(kind: Any) -> bool:  # noqa: ANN401 - a pyarrow type
    import pyarrow as pa  # noqa: PLC0415 - optional

    return isinstance(kind, pa.BaseExtensionType)


def _is_uuid(kind: Any) -> bool:  # noqa: ANN401 - a pyarrow type
    return _is_extension(kind) and getattr(kind, "extension_name", "") == "arrow.uuid"

"""Hypothesis strategies for source items of every form, with customers and names that often repeat."""

from typing import Any

from hypothesis import strategies as st

from gameball import CustomerEvents, Event

SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text()
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def nested(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    inner = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    )
    return st.dictionaries(st.text(max_size=5), inner, max_size=3)


METADATA = nested(SCALARS | FINITE)
# Few customers and few names, so that they repeat.
CUSTOMERS = st.sampled_from(["a", "b", "ü", 'q"\\', "c,d"]) | st.text(min_size=1).filter(str.strip)
NAMES = st.sampled_from(["liked", "shared", "bought"]) | st.text(min_size=1).filter(str.strip)
ITEMS = st.one_of(
    st.builds(Event, CUSTOMERS, NAMES, METADATA),
    st.tuples(CUSTOMERS, NAMES, METADATA),
    st.builds(CustomerEvents, CUSTOMERS, st.dictionaries(NAMES, METADATA, min_size=1, max_size=4)),
)

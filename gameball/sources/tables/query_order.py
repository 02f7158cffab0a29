"""Whether a query gives its rows in the same order each time, so that its send can be resumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

_READERS: Final = frozenset(
    {
        "parquet_scan",
        "read_csv",
        "read_csv_auto",
        "read_json",
        "read_json_auto",
        "read_json_objects",
        "read_ndjson",
        "read_ndjson_auto",
        "read_ndjson_objects",
        "read_parquet",
        "read_xlsx",
    }
)
_CURE: Final = (
    "end it with an ORDER BY whose columns identify each row, or pass --any-order to accept that it may not "
    "be possible to resume the send"
)


def find_unrepeatable(connection: Any, select: str) -> str | None:  # noqa: ANN401 - of DuckDB
    """Return why a query may give its rows in another order when it is executed again.

    Args:
        connection: A connection of DuckDB, which parses the query and does not execute it.
        select: The query.

    Returns:
        The message for the user, or None if the order is repeatable.
    """
    (text,) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [select]).fetchone()
    return judge_order(json.loads(text))


def judge_order(tree: dict[str, Any]) -> str | None:
    """Return why a parsed query may give its rows in another order when it is executed again.

    Args:
        tree: The query, as ``json_serialize_sql`` of DuckDB returns it.
    """
    if tree.get("error") or len(tree["statements"]) != 1:
        return f"the order of the query's rows cannot be determined: {_CURE}"
    node = tree["statements"][0]["node"]
    while node["type"] == "CTE_NODE":  # DuckDB 1.4 puts the query into a node for each WITH
        node = node["child"]
    modifiers = {modifier["type"] for modifier in node["modifiers"]}
    if "ORDER_MODIFIER" in modifiers or _keeps_order_of_file(node, modifiers):
        return None
    return f"the query may return its rows in another order when it is executed again: {_CURE}"


def _keeps_order_of_file(node: dict[str, Any], modifiers: set[str]) -> bool:
    # DuckDB keeps the order of a file through filters and limits, but not through groups and windows.
    return (
        node["type"] == "SELECT_NODE"
        and modifiers <= {"LIMIT_MODIFIER"}
        and not (node["group_expressions"] or node["group_sets"] or node["qualify"] or node["sample"])
        and not node["from_table"].get("sample")
        and '"class": "WINDOW"' not in json.dumps(node)
        and _is_single_file(_file_of(node["from_table"]))
    )


def _file_of(table: dict[str, Any]) -> str | None:
    if table["type"] == "BASE_TABLE" and not (table["schema_name"] or table["catalog_name"]):
        return str(table["table_name"])
    if table["type"] != "TABLE_FUNCTION" or table["function"]["function_name"] not in _READERS:
        return None
    function = table["function"]
    # DuckDB 1 has other names for the arguments and their values than DuckDB 2.
    expressions = [one["expression"] for one in function.get("arguments", ())] or function["children"]
    first = expressions[0] if expressions else {}
    if first.get("class") != "CONSTANT":
        return None
    value = first["literal"]["text"] if "literal" in first else first["value"]["value"]
    return value if isinstance(value, str) else None


def _is_single_file(name: str | None) -> bool:
    if name is None or any(sign in name for sign in "*?[{"):
        return False
    return "://" in name or Path(name).is_file()

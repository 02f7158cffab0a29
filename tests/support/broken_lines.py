"""Lines of JSONL that cannot be sent, each with a part of the reason that is given."""

BROKEN = {
    "bad JSON": (b'{"customer_id": "c", "name": \n', "is not JSON"),
    "no customer": (b'{"name": "x"}\n', "customer_id"),
    "a wrong type": (b'{"customer_id": 7.5, "name": "x"}\n', "must be a string"),
    "metadata of a wrong type": (b'{"customer_id": "c", "name": "x", "metadata": [1]}\n', "metadata"),
    "invalid UTF-8": (b'{"customer_id": "\xff", "name": "x"}\n', "UTF-8"),
    "50 MB": (
        b'{"customer_id": "c", "name": "x", "metadata": {"a": "' + b"a" * 50_000_000 + b'"}}\n',
        "8 MiB",
    ),
    "too large for a request": (
        b'{"customer_id": "c", "name": "x", "metadata": {"a": "' + b"a" * 2_000_000 + b'"}}\n',
        "max_bytes",
    ),
}

from regeneration.surface import Surface, read_surface


def test_what_is_no_operation_or_model_is_not_read() -> None:
    files = {
        "client.py": b"class Client: ...\n",
        "api/things/__init__.py": b"",
        "api/things/helper.py": b"def sync_detailed() -> None: ...\n",
        "py.typed": b"",
    }
    assert read_surface(files) == Surface({}, {})

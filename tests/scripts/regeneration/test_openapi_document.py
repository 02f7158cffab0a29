import json

import pytest
from regeneration.openapi_document import format_document, parse_document
from regeneration.regeneration_error import RegenerationError


def test_yaml_is_read_as_if_it_were_json() -> None:
    read = parse_document("on: 2026-03-01\n200: yes\nflag: true\n", "spec")
    assert read == {"on": "2026-03-01", "200": "yes", "flag": True}


@pytest.mark.parametrize("text", ["true if known.", "False or not given", "trueish", "TRUE\u00a0x", "t"])
def test_a_string_that_begins_like_a_boolean_is_a_string(text: str) -> None:
    assert parse_document(f"a: {text}\n", "spec") == {"a": text}
    assert parse_document(json.dumps({"a": text}), "spec") == {"a": text}
    assert parse_document(format_document({"a": text}).decode(), "spec") == {"a": text}


def test_booleans_are_read_as_in_yaml_1_2() -> None:
    read = parse_document("a: true\nb: False\nc: 'true'\nd: yes\n", "spec")
    assert read == {"a": True, "b": False, "c": "true", "d": "yes"}


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": -Infinity}', "a: .nan", "a: .inf"])
def test_nan_and_infinity_are_refused(text: str) -> None:
    with pytest.raises(RegenerationError, match="is not valid"):
        parse_document(text, "spec")


def test_a_top_level_list_of_json_is_refused_as_json() -> None:
    with pytest.raises(RegenerationError, match="spec is not a mapping"):
        parse_document('[{"a":\t1}]', "spec")


def test_a_written_document_is_read_back_unchanged() -> None:
    published = {
        "openapi": "3.1.0",
        "paths": {"/b": {}, "/a": {"get": {"description": "Two\nlines: with 'quotes'\n"}}},
        "x-odd": {"on": "yes", "when": "2026-03-01", "number": "1.0", "none": None, "unicode": "Prämie"},
    }
    written = format_document(published)
    assert parse_document(written.decode(), "written") == published
    assert written.index(b"/a:") < written.index(b"/b:")

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from regeneration.document_changes import DocumentChange, compare_documents
from regeneration.document_walk import Document

Change = Callable[[Document], object]

NAME = {"type": "string", "minLength": 1, "maxLength": 50, "pattern": "^a", "format": "email"}
KIND = {"type": "string", "enum": ["plain", "gold"], "default": "plain"}
POINTS = {"type": "integer", "minimum": 1, "maximum": 100, "multipleOf": 5}
TAGS = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 10}


def published() -> Document:
    """A document with a keyword of each kind, in a request and in a response alike."""
    thing: Document = {
        "type": "object",
        "required": ["name", "points"],
        "properties": {
            "name": NAME,
            "kind": KIND,
            "points": POINTS,
            "tags": TAGS,
            "note": {"type": ["string", "null"]},
            "share": {"type": "number"},
            "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
            "extra": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }
    body = {"required": True, "content": {"application/json": {"schema": thing}}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Things", "version": "1"},
        "servers": [{"url": "a"}, {"url": "b"}],
        "security": [{"key": []}],
        "paths": {
            "/things/{thingId}": {
                "get": {"responses": {"200": {"description": "Nothing."}}, "security": [{"key": []}]},
                "post": {
                    "parameters": [
                        {"name": "thingId", "in": "path", "required": True, "schema": {"type": "string"}},
                        {"name": "page", "in": "query", "schema": {"type": "integer", "maximum": 9}},
                    ],
                    "requestBody": body,
                    "responses": {
                        "200": {"description": "Read.", "content": {"application/json": {"schema": thing}}},
                        "404": {"description": "Gone."},
                    },
                },
                "put": {
                    "requestBody": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}
                    },
                    "responses": {"202": {"description": "Taken."}},
                },
            },
        },
        "components": {
            "schemas": {
                "Node": {
                    "type": "object",
                    "properties": {"next": {"$ref": "#/components/schemas/Node"}, "text": {"type": "string"}},
                }
            },
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "apikey"},
                "secret": {"type": "apiKey", "in": "header", "name": "secretkey"},
            },
        },
    }
    # Through JSON, so that no two parts are one object.
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]


def operation(document: Document, method: str = "post") -> Document:
    found: Document = document["paths"]["/things/{thingId}"][method]
    return found


def sent(document: Document) -> Document:
    found: Document = operation(document)["requestBody"]["content"]["application/json"]["schema"]
    return found


def read(document: Document) -> Document:
    found: Document = operation(document)["responses"]["200"]["content"]["application/json"]["schema"]
    return found


def told(change: Change) -> list[DocumentChange]:
    changed = published()
    change(changed)
    return list(compare_documents(published(), changed))


# A field, what is set in its schema (None removes), and whether that breaks what is sent and what is read.
KEYWORDS: list[tuple[str, dict[str, Any], bool | None, bool | None]] = [
    ("name", {"type": "integer"}, True, True),
    ("name", {"type": ["string", "null"]}, False, True),
    ("name", {"nullable": True}, False, True),
    ("note", {"type": "string"}, True, False),
    ("points", {"type": "number"}, False, True),
    ("share", {"type": "integer"}, True, False),
    ("name", {"type": None}, False, True),
    ("name", {"maxLength": 49}, True, False),
    ("name", {"maxLength": 51}, False, True),
    ("name", {"maxLength": None}, False, True),
    ("name", {"minLength": 2}, True, False),
    ("name", {"minLength": 0}, False, True),
    ("name", {"pattern": "^b"}, True, True),
    ("name", {"pattern": None}, False, True),
    ("kind", {"pattern": "^b"}, True, False),
    ("name", {"format": "uuid"}, True, True),
    ("name", {"format": None}, False, True),
    ("kind", {"format": "uuid"}, True, False),
    ("points", {"maximum": 99}, True, False),
    ("points", {"maximum": 101}, False, True),
    ("points", {"exclusiveMinimum": 3}, True, False),
    ("points", {"minimum": 2}, True, False),
    ("points", {"minimum": 0}, False, True),
    ("points", {"multipleOf": 10}, True, True),
    ("tags", {"maxItems": 9}, True, False),
    ("tags", {"maxItems": 11}, False, True),
    ("tags", {"maxItems": None}, False, True),
    ("tags", {"minItems": 2}, True, False),
    ("tags", {"uniqueItems": True}, True, False),
    ("tags", {"uniqueItems": False}, None, None),
    ("tags", {"items": {"type": "integer"}}, True, True),
    ("tags", {"items": {"type": ["string", "null"]}}, False, True),
    ("kind", {"enum": ["plain"]}, True, False),
    ("kind", {"enum": ["plain", "gold", "new"]}, False, False),
    ("kind", {"enum": None}, False, False),
    ("name", {"enum": ["a"]}, True, False),
    ("name", {"const": "a"}, True, False),
    ("kind", {"default": "gold"}, True, False),
    ("kind", {"default": None}, True, False),
    ("name", {"default": "a"}, False, False),
    ("name", {"deprecated": True}, False, False),
    ("name", {"readOnly": True}, True, False),
    ("name", {"writeOnly": True}, False, True),
    ("either", {"oneOf": [{"type": "string"}]}, True, False),
    ("either", {"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "object"}]}, False, True),
    ("extra", {"additionalProperties": {"type": "integer"}}, True, True),
    ("extra", {"additionalProperties": False}, True, False),
    ("name", {"description": "Another.", "title": "Other", "example": "b"}, None, None),
]


@pytest.mark.parametrize("direction", ["sent", "read"])
@pytest.mark.parametrize(("name", "update", "breaks_sent", "breaks_read"), KEYWORDS, ids=str)
def test_a_change_of_a_keyword_is_reported_once_and_marked_if_it_is_breaking(
    name: str, update: dict[str, Any], breaks_sent: bool | None, breaks_read: bool | None, direction: str
) -> None:
    def change(document: Document) -> None:
        schema = (sent if direction == "sent" else read)(document)
        kept = {**schema["properties"][name], **update}
        schema["properties"][name] = {key: value for key, value in kept.items() if value is not None}

    expected = breaks_sent if direction == "sent" else breaks_read
    found = told(change)
    assert [one.breaking for one in found] == ([] if expected is None else [expected])
    part = "body" if direction == "sent" else "response 200"
    assert all(one.subject.startswith(f"POST /things/{{}} {part}.{name}") for one in found)
    assert all((one.wire, one.operations) == (name, ("POST /things/{}",)) for one in found)


@pytest.mark.parametrize(
    ("change", "detail", "breaks_sent", "breaks_read"),
    [
        (lambda schema: schema["required"].remove("name"), "required -> optional", False, True),
        (lambda schema: schema["required"].append("tags"), "optional -> required", True, False),
        (lambda schema: schema["properties"].pop("tags"), "removed", True, True),
        (lambda schema: schema["properties"].update(new={}), "added, optional", False, False),
        (
            lambda schema: (schema["properties"].update(new={}), schema["required"].append("new")),
            "added, required",
            True,
            False,
        ),
        (
            lambda schema: schema.update(additionalProperties=False),
            "additional properties any -> none",
            True,
            False,
        ),
    ],
)
def test_a_change_of_a_field_is_reported_and_marked_if_it_is_breaking(
    change: Change, detail: str, breaks_sent: bool, breaks_read: bool
) -> None:
    for find, expected in ((sent, breaks_sent), (read, breaks_read)):
        changed = published()
        change(find(changed))
        (found,) = compare_documents(published(), changed)
        assert (found.detail, found.breaking) == (detail, expected)


def add_code(code: str) -> Change:
    return lambda document: operation(document)["responses"].update({code: {"description": "New."}})


def set_scheme(**update: str) -> Change:
    return lambda document: document["components"]["securitySchemes"]["key"].update(update)


def set_security(*security: Any, method: str = "get") -> Change:
    return lambda document: operation(document, method).update(security=list(security))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            lambda document: document["servers"].pop(),
            "BREAKING  servers: a or b -> a",
        ),
        (
            lambda document: document["servers"].append({"url": "c"}),
            "servers: a or b -> a or b or c",
        ),
        (
            lambda document: operation(document).update(servers=[{"url": "c"}]),
            "POST /things/{} servers: none -> c",
        ),
        (set_scheme(name="x-api-key"), "BREAKING  security scheme key: name apikey -> x-api-key"),
        (set_scheme(**{"in": "query"}), "BREAKING  security scheme key: in header -> query"),
        (
            lambda document: document["components"]["securitySchemes"].pop("secret"),
            "security scheme secret: removed",
        ),
        (
            lambda document: document["components"]["securitySchemes"].update(new={"type": "http"}),
            "security scheme new: added",
        ),
        (set_security({"key": [], "secret": []}), "BREAKING  GET /things/{} security: key -> key and secret"),
        (set_security({"key": []}, {"secret": []}), "GET /things/{} security: key -> key or secret"),
        (set_security(), "GET /things/{} security: key -> no keys"),
        (
            lambda document: document.update(security=[{"secret": []}]),
            "BREAKING  security: key -> secret",
        ),
        (
            lambda document: operation(document).update(deprecated=True),
            "POST /things/{}: deprecated false -> true",
        ),
        (
            lambda document: operation(document)["responses"].pop("404"),
            "POST /things/{} response 404: removed",
        ),
        (add_code("409"), "POST /things/{} response 409: added"),
        (add_code("202"), "BREAKING  POST /things/{} response 202: added"),
        (
            lambda document: operation(document)["responses"].pop("200"),
            "BREAKING  POST /things/{} response 200: removed",
        ),
        (
            lambda document: operation(document)["responses"]["200"].pop("content"),
            "BREAKING  POST /things/{} response 200: no longer has a body",
        ),
        (
            lambda document: operation(document)["responses"]["404"].update(content={"application/json": {}}),
            "POST /things/{} response 404: has a body now",
        ),
        (
            lambda document: operation(document)["requestBody"]["content"].update({"text/csv": {}}),
            "POST /things/{} body text/csv: added",
        ),
        (
            lambda document: operation(document)["requestBody"].pop("required"),
            "POST /things/{} body: required -> optional",
        ),
        (
            lambda document: operation(document, "put")["requestBody"].update(required=True),
            "BREAKING  PUT /things/{} body: optional -> required",
        ),
        (lambda document: operation(document).pop("requestBody"), "BREAKING  POST /things/{} body: removed"),
        (
            lambda document: operation(document, "get").update(requestBody={"content": {"text/csv": {}}}),
            "GET /things/{} body: added, optional",
        ),
        (
            lambda document: operation(document)["parameters"][1].update(required=True),
            "BREAKING  POST /things/{} query parameter page: optional -> required",
        ),
        (
            lambda document: operation(document)["parameters"][1].update(style="pipeDelimited"),
            "BREAKING  POST /things/{} query parameter page: style none -> pipeDelimited",
        ),
        (
            lambda document: operation(document)["parameters"][1]["schema"].update(maximum=8),
            "BREAKING  POST /things/{} query parameter page: maximum 9 -> 8",
        ),
        (
            lambda document: operation(document)["parameters"].pop(),
            "BREAKING  POST /things/{} query parameter page: removed",
        ),
        (
            lambda document: operation(document)["parameters"].append({"name": "size", "in": "query"}),
            "POST /things/{} query parameter size: added, optional",
        ),
        (
            lambda document: document["components"]["schemas"]["Node"]["properties"]["text"].update(
                maxLength=5
            ),
            "BREAKING  Node.text: maxLength none -> 5",
        ),
        (
            lambda document: document["paths"]["/things/{thingId}"].pop("get"),
            "BREAKING  GET /things/{}: operation removed",
        ),
        (
            lambda document: document["paths"].update({"/new": {"get": {}}}),
            "GET /new: operation added",
        ),
        (lambda document: document["info"].update(title="Other"), None),
    ],
    ids=lambda value: str(value) if not callable(value) else "",
)
def test_any_other_change_is_reported_once_and_marked_if_it_is_breaking(
    change: Change, line: str | None
) -> None:
    assert [str(one).strip() for one in told(change)] == ([] if line is None else [line])


def test_another_name_of_a_path_parameter_is_reported_and_not_breaking() -> None:
    def rename(document: Document) -> None:
        item = document["paths"].pop("/things/{thingId}")
        item["post"]["parameters"][0]["name"] = "id"
        document["paths"]["/things/{id}"] = item

    (found,) = told(rename)
    assert str(found).strip() == "POST /things/{} path parameter 1: name thingId -> id"


def test_the_same_schema_in_another_form_is_not_a_change() -> None:
    def rewrite(document: Document) -> None:
        fields = sent(document)["properties"]
        document["components"]["schemas"]["Name"] = fields["name"]
        fields["name"] = {"$ref": "#/components/schemas/Name", "description": "Moved."}
        fields["note"] = {"oneOf": [{"type": "string"}, {"type": "null"}]}
        fields["kind"] = {"allOf": [fields["kind"]]}

    assert told(rewrite) == []


def test_a_change_of_a_component_is_reported_once_with_all_operations_that_use_it() -> None:
    def use_twice(document: Document) -> None:
        operation(document)["responses"]["200"]["content"] = operation(document, "put")["requestBody"][
            "content"
        ]

    old = published()
    use_twice(old)
    new = copy.deepcopy(old)
    new["components"]["schemas"]["Node"]["properties"]["text"]["type"] = ["string", "null"]
    (found,) = compare_documents(old, new)
    # It is sent by one operation and read by the other.
    assert found.breaking
    assert found.operations == ("PUT /things/{}", "POST /things/{}")

"""Builds a document of some 70 operations with the faults of published ones, in words of its own.

It is OpenAPI 3.1 in JSON, as a documentation tool would export it for a loyalty program.
"""

from typing import Any, Final

Document = dict[str, Any]

_PREFIX: Final = "/api/v4.0/integrations"
_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "number"}
_WHOLE: Final = {"type": "integer"}
_WHEN: Final = {"type": ["string", "null"], "format": "date-time", "example": "2026-03-01T10:00:00Z"}

# Resources with all five of list, create, read, replace and delete: the path, its parameter, and fields.
_RESOURCES: Final[dict[str, tuple[str, Document]]] = {
    "customers": ("customerId", {"displayName": _TEXT, "joinedAt": _WHEN, "labels": {"type": "array"}}),
    "orders": (
        "orderId",
        {"total": _NUMBER, "lines": {"type": "array", "items": {"$ref": "#/components/schemas/Order_Line"}}},
    ),
    "transactions": (
        "transactionId",
        {"points": _WHOLE, "reason": {"type": "string", "enum": ["earn", "spend"]}},
    ),
    "coupons": (
        "code",
        {"discount": {"type": "number", "exclusiveMinimum": 0}, "expiresAt": _WHEN},
    ),
    "reward-campaigns": (
        "campaignId",
        {
            "title": _TEXT,
            "rules": {
                "type": "array",
                "items": {"type": "object", "properties": {"when": _TEXT, "then": {"type": "array"}}},
            },
        },
    ),
    "tiers": ("tierId", {"from": _WHOLE, "class": _TEXT, "next": {"$ref": "#/components/schemas/Tier"}}),
    "badges": ("badgeId", {"image": _TEXT, "criteria": {"$ref": "#/components/schemas/Criteria"}}),
    "referrals": (
        "referralId",
        {
            "friend": {"$ref": "#/components/schemas/Friend"},
            "status": {"$ref": "#/components/schemas/Progress"},
        },
    ),
    "notifications": ("notificationId", {"text": _TEXT, "sentAt": _WHEN, "channels": {"type": "array"}}),
    "leaderBoards": (
        "boardId",
        {"places": {"type": "array", "items": {"type": "object", "properties": {"place": _WHOLE}}}},
    ),
    "stores": (
        "storeId",
        {"address": {"type": "object", "properties": {"street": _TEXT}}},
    ),
}
# What else there is: method and path.
_OTHERS: Final = (
    ("get", "customers/{customerId}/balance"),
    ("get", "customers/{customerId}/progress"),
    ("get", "customers/{customerId}/activities"),
    ("post", "customers/{customerId}/tags"),
    ("delete", "customers/{customerId}/tags/{tagName}"),
    ("post", "transactions/{transactionId}/refund"),
    ("post", "transactions/redeem"),
    ("post", "coupons/{code}/validate"),
    ("post", "coupons/{code}/hold"),
    ("get", "configurations/tiers"),
    ("patch", "configurations"),
    ("post", "events"),
    ("post", "batch/customers"),
    ("get", "batches/{batchId}/status"),
    ("post", "batches/{batchId}/stop"),
)
# The faults, by the number of the operation that has them.
_WITHOUT_RESPONSES: Final = frozenset({7, 30, 58})
_WITHOUT_PARAMETERS: Final = frozenset({2, 13, 37, 62})
_SHARED_ID: Final = frozenset({11, 21, 31})
_WITH_ID: Final = frozenset({4, 16, 44})
_WITH_TAG: Final = frozenset({0, 1, 2, 3, 4, 20, 21})


def build_document() -> Document:
    """Return the document; each call makes a new one."""
    paths: Document = {
        f"{_PREFIX}/batch/events": {"post": _send_events()},
        "/plants": {
            "get": {"responses": {"200": _answer({"$ref": "#/components/schemas/Plant"})}},
            "post": {"responses": {"200": _answer({"$ref": "#/components/schemas/Plant"})}},
        },
    }
    described = [*_resource_operations(), *((method, path, None) for method, path in _OTHERS)]
    for number, (method, path, schema) in enumerate(described):
        item = paths.setdefault(f"{_PREFIX}/{path}", {})
        item[method] = _operation(number, method, path, schema)
    return {
        "openapi": "3.1.0",
        "info": {"title": "A loyalty program", "version": "4.0.0"},
        "servers": [{"url": "https://api.example.com"}],
        "security": [{"bearerAuth": []}],
        "paths": paths,
        "components": _components(),
    }


def _resource_operations() -> list[tuple[str, str, str | None]]:
    found: list[tuple[str, str, str | None]] = []
    for resource, (parameter, _) in _RESOURCES.items():
        one = f"{resource}/{{{parameter}}}"
        found += [("get", resource, resource), ("post", resource, resource)]
        found += [("get", one, resource), ("put", one, resource), ("delete", one, None)]
    return found


def _operation(number: int, method: str, path: str, resource: str | None) -> Document:
    operation: Document = {"description": f"What {method} does to {path}."}
    if number in _SHARED_ID:
        operation["operationId"] = "manageResource"
    elif number in _WITH_ID:
        operation["operationId"] = f"publishedOperation{number}"
    if number in _WITH_TAG:
        operation["tags"] = [path.split("/", maxsplit=1)[0].capitalize()]
    parameters: list[Document] = [
        {"name": part.strip("{}"), "in": "path", "required": True, "schema": _TEXT}
        for part in path.split("/")
        if part.startswith("{")
    ]
    if method == "get" and not path.endswith("}"):
        parameters.append({"$ref": "#/components/parameters/Page"})
    if parameters and number not in _WITHOUT_PARAMETERS and "batches" not in path:
        operation["parameters"] = parameters
    if method in {"post", "put", "patch"} and "batches" not in path:
        body = _inline(resource) if method != "put" else {"type": "object", "properties": {"note": _TEXT}}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if number not in _WITHOUT_RESPONSES:
        operation["responses"] = _responses(number, path, resource)
    return operation


def _responses(number: int, path: str, resource: str | None) -> Document:
    if path.endswith("/status"):
        answer: Document = {"type": "object", "properties": {"batchId": _TEXT, "errors": {"type": "array"}}}
    elif resource is None:
        answer = {"type": "object", "properties": {"done": {"type": "boolean"}}}
    elif path == resource:
        answer = {
            "type": "object",
            "properties": {"data": {"type": "array", "items": _inline(resource)}, "next": _TEXT},
        }
    else:
        answer = _inline(resource)
    responses = {"200": _answer(answer)}
    if number % 4 == 0:
        responses["404"] = {"$ref": "#/components/responses/Missing"}
    return responses


def _inline(resource: str | None) -> Document:
    fields = _RESOURCES[resource][1] if resource else {"amount": _NUMBER}
    return {"type": "object", "properties": fields}


def _answer(schema: Document) -> Document:
    return {"description": "As asked.", "content": {"application/json": {"schema": schema}}}


def _send_events() -> Document:
    """Return the operation that the facade sends with, inline and without names, as it is published."""
    events = {"type": "object", "additionalProperties": {"type": "object"}}
    item = {
        "type": "object",
        "required": ["customerId", "events"],
        "properties": {"customerId": {"type": "string"}, "events": events},
    }
    body = {"type": "object", "properties": {"body": {"type": "array", "items": item}}}
    answer = {"type": "object", "properties": {"jobId": {"type": "number"}}}
    return {
        "description": "Takes many events at once.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": _answer(answer)},
        "security": [{"apiKey": [], "secretKey": []}],
    }


def _components() -> Document:
    return {
        "securitySchemes": {
            "bearerAuth": {"type": "http", "scheme": "bearer"},
            "apiKey": {"type": "apiKey", "in": "header", "name": "apikey"},
            "secretKey": {"type": "apiKey", "in": "header", "name": "secretkey"},
        },
        "parameters": {
            "Page": {"name": "page", "in": "query", "schema": _WHOLE},
        },
        "responses": {
            "Missing": _answer({"$ref": "#/components/schemas/NothingThere"}),
        },
        "schemas": {
            "Plant": {"type": "object", "properties": {"soil": _TEXT}},
            "Order_Line": {"type": "object", "properties": {"sku": _TEXT, "parts": {"type": "array"}}},
            "NothingThere": {"type": "object", "properties": {"what": _TEXT}},
            "Tier": {
                "type": "object",
                "properties": {"name": _TEXT, "above": {"$ref": "#/components/schemas/Tier"}},
            },
            "Criteria": {"oneOf": [_TEXT, {"type": "array", "items": _TEXT}]},
            "Friend": {"type": "object", "properties": {"name": _TEXT}},
            "Progress": {"type": "string", "enum": ["invited", "joined"]},
        },
    }

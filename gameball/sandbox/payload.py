"""The checks of a batch, with the error codes that Gameball documents."""

from typing import Final

import orjson

from gameball.sandbox.refusals import Refusal

#: Gameball documents at most 1,000 objects per request.
MAX_OBJECTS: Final = 1_000


def read_batch(content: bytes) -> list[str] | Refusal:
    """Check the body of a batch.

    Args:
        content: The request's body.

    Returns:
        The customer of each object, or the error.
    """
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return Refusal(400, 3016, "The body is not valid JSON")
    if not isinstance(body, dict) or "body" not in body:
        return Refusal(400, 3000, "body is missing")
    objects = body["body"]
    if not isinstance(objects, list):
        return Refusal(422, 3003, "body must be an array")
    if len(objects) > MAX_OBJECTS:
        return Refusal(422, 3011, f"body holds more than {MAX_OBJECTS} objects")
    customers = []
    for number, item in enumerate(objects):
        if refusal := _check_object(item, f"body[{number}]"):
            return refusal
        customers.append(item["customerId"])
    return customers


def _check_object(item: object, place: str) -> Refusal | None:
    if not isinstance(item, dict):
        return Refusal(422, 3003, f"{place} must be an object")
    for name in ("customerId", "events"):
        if name not in item:
            return Refusal(400, 3000, f"{place}.{name} is missing")
        if item[name] is None:
            return Refusal(422, 3001, f"{place}.{name} is null")
    if not isinstance(item["customerId"], str) or not item["customerId"]:
        return Refusal(422, 3003, f"{place}.customerId must be text, and not empty")
    if not isinstance(item["events"], dict):
        return Refusal(422, 3003, f"{place}.events must be an object")
    for name, metadata in item["events"].items():
        if not isinstance(metadata, dict):
            return Refusal(422, 3003, f"{place}.events.{name} must be an object")
    return None

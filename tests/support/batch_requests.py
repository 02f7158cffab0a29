"""Requests to a sandbox as plain HTTP, without the client."""

from typing import Any

import httpx

from gameball.sandbox import Sandbox

HEADERS = {"apikey": "key", "secretkey": "secret"}
PATH = "/api/v4.0/integrations/batch/events"
BATCH = {"body": [{"customerId": "a", "events": {"liked": {}}}]}


def post(box: Sandbox, body: Any = BATCH, headers: dict[str, str] = HEADERS) -> httpx.Response:
    return httpx.post(box.url + PATH, json=body, headers=headers)

from http import HTTPStatus
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.batch_started import BatchStarted
from ...models.error_details import ErrorDetails
from ...models.events_batch import EventsBatch
from ...types import Response


def _get_kwargs(
    *,
    body: EventsBatch,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v4.0/integrations/batch/events",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> BatchStarted | ErrorDetails | None:
    if response.status_code == 200:
        response_200 = BatchStarted.from_dict(response.json())

        return response_200

    if 400 <= response.status_code <= 499:
        response_4xx = ErrorDetails.from_dict(response.json())

        return response_4xx

    if 500 <= response.status_code <= 599:
        response_5xx = ErrorDetails.from_dict(response.json())

        return response_5xx

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[BatchStarted | ErrorDetails]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: EventsBatch,
) -> Response[BatchStarted | ErrorDetails]:
    """Start a job that records a batch of events.

     Track multiple user actions or multiple actions for a single user in a single API call for efficient
    event tracking and analytics.

    Args:
        body (EventsBatch): Up to 1,000 objects, each with events of one customer.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BatchStarted | ErrorDetails]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    body: EventsBatch,
) -> BatchStarted | ErrorDetails | None:
    """Start a job that records a batch of events.

     Track multiple user actions or multiple actions for a single user in a single API call for efficient
    event tracking and analytics.

    Args:
        body (EventsBatch): Up to 1,000 objects, each with events of one customer.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BatchStarted | ErrorDetails
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: EventsBatch,
) -> Response[BatchStarted | ErrorDetails]:
    """Start a job that records a batch of events.

     Track multiple user actions or multiple actions for a single user in a single API call for efficient
    event tracking and analytics.

    Args:
        body (EventsBatch): Up to 1,000 objects, each with events of one customer.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[BatchStarted | ErrorDetails]
    """

    kwargs = _get_kwargs(
        body=body,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: EventsBatch,
) -> BatchStarted | ErrorDetails | None:
    """Start a job that records a batch of events.

     Track multiple user actions or multiple actions for a single user in a single API call for efficient
    event tracking and analytics.

    Args:
        body (EventsBatch): Up to 1,000 objects, each with events of one customer.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        BatchStarted | ErrorDetails
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed

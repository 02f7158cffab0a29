"""A request that ends at a deadline, whatever the server does, in a thread that can be abandoned.

A thread that waits for a response cannot be cancelled, and a timeout bounds single steps only: a server that
sends a byte a second would keep it waiting. So the request has its own thread and connection.
"""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any

from gameball.delivery.deadline import Deadline
from gameball.errors import DeadlineError, GameballError
from gameball.fork_safety import DaemonThread
from gameball.rate_limit import RequestEnd
from gameball.transport.pool import ConnectionPool
from gameball.transport.response_content import MAX_RESPONSE, MAX_SHORT_RESPONSE
from gameball.transport.responses import request_end
from gameball.transport.worker_connection import WorkerConnection

# How long to wait for the thread to notice that its connection was aborted, in seconds.
_ABORT_TIMEOUT = 0.1


def request_until(
    deadline: Deadline, pool: ConnectionPool, arguments: dict[str, Any], release: Callable[[RequestEnd], None]
) -> bytes | GameballError:
    """Make a request.

    Args:
        deadline: When to return at the latest.
        pool: The connections to use.
        arguments: The arguments of the request.
        release: Called when the request has ended, with how it did.

    Returns:
        The content of the response, or an error: ``DeadlineError`` if the deadline passed.
    """
    connection = pool.borrow()
    replies: queue.SimpleQueue[bytes | BaseException] = queue.SimpleQueue()
    released = threading.Lock()

    def release_once(end: RequestEnd) -> None:
        if released.acquire(blocking=False):
            release(end)

    work = partial(copy_context().run, _request, connection, arguments, replies, release_once)
    thread = DaemonThread(work, "gameball-job")
    try:
        # An interrupt may strike here, too, and leave a thread that never does its work.
        thread.start()
        reply = replies.get(timeout=deadline.left())
    except queue.Empty:
        reply = DeadlineError(f"{deadline} before the response arrived")
        _leave(connection, thread, release_once)
    except BaseException:
        _leave(connection, thread, release_once)
        raise
    else:
        pool.give_back(connection)
    if isinstance(reply, BaseException) and not isinstance(reply, GameballError):
        raise reply
    return reply


def _leave(
    connection: WorkerConnection, thread: threading.Thread, release_once: Callable[[RequestEnd], None]
) -> None:
    connection.abort()
    with suppress(RuntimeError):  # the thread never started
        thread.join(_ABORT_TIMEOUT)
    if not thread.is_alive():
        connection.close()
        release_once(RequestEnd.GIVEN_UP)


def _request(
    connection: WorkerConnection,
    arguments: dict[str, Any],
    replies: "queue.SimpleQueue[bytes | BaseException]",
    release: Callable[[RequestEnd], None],
) -> None:
    end = RequestEnd.ENDED_BY_SERVER
    reply: bytes | BaseException
    try:
        connection.max_response = MAX_RESPONSE
        reply = connection.fetch(connection.build_request(**arguments))
    except GameballError as error:
        end = request_end(error)
        reply = error
    except BaseException as error:  # noqa: BLE001 - a user's transport may raise anything; raised again above
        end = RequestEnd.GIVEN_UP
        reply = error
    connection.max_response = MAX_SHORT_RESPONSE
    release(end)
    replies.put(reply)
    # The caller closes or gives back the connection, unless it has already left.
    if connection.is_aborted:
        connection.close()

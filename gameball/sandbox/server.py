"""Runs the sandbox in a thread, by default at a loopback port."""

import asyncio
import socket
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from types import MappingProxyType, TracebackType
from typing import Final, Self, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gameball.rate_limit import RateLimit
from gameball.sandbox.app import SandboxApp
from gameball.sandbox.faults import Fault
from gameball.sandbox.record import VERSIONS, Received, count_events

_NO_FAILURES: Final[Mapping[str, str]] = MappingProxyType({})
_START_TIMEOUT: Final = 10.0
DEFAULT_HOST: Final = "127.0.0.1"
_EVERY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - it is only compared with the host
# How often wait_for looks at its condition, in seconds.
_CHECK_INTERVAL: Final = 0.005


class Sandbox:
    """A local server that behaves like Gameball, as a context manager.

    Args:
        api_key: The API key that it accepts.
        secret_key: The secret key that it accepts.
        port: The port to listen on; 0 takes a free one.
        job_seconds: How long a job takes, in seconds.
        job_form: Which documented form of the job operations it supports: ``batch`` (the guides),
            ``batches`` (the published document) or ``both``.
        first_job_id: The id of the first job.
        rate_limits: The rate limits, which it enforces exactly; by default none. ``DOCUMENTED_LIMITS`` are
            those that Gameball documents.
        minimum_version: The oldest version of the API that it accepts, ``v4.0`` or ``v4.1``, as an account
            can require. It rejects older ones with an invented error: Gameball does not document one.
        host: The address to listen on. The sandbox has no access control: listen only on a loopback address,
            or in a network that you trust. It warns about any address that is not a loopback address.
        latency: The delay of each response in seconds, or the minimum and maximum of a random delay.
        failing_customers: The error messages of customers whose objects fail in their job, by customer.
        plan: Returns the fault for a request, or None for no fault. It is called when the request arrives.
        seed: The seed of the random delays.

    Raises:
        ValueError: ``job_form`` is not one of its three values, ``minimum_version`` is not a version, or a
            limit is not a ``RateLimit``.
    """

    def __init__(
        self,
        *,
        api_key: str = "key",
        secret_key: str = "secret",  # noqa: S107 - the sandbox guards nothing
        port: int = 0,
        job_seconds: float = 0.2,
        job_form: str = "both",
        first_job_id: int = 1001,
        rate_limits: Sequence[RateLimit] = (),
        minimum_version: str = VERSIONS[0],
        host: str = DEFAULT_HOST,
        latency: float | tuple[float, float] = 0.0,
        failing_customers: Mapping[str, str] = _NO_FAILURES,
        plan: Callable[[Received], Fault | None] | None = None,
        seed: int = 0,
    ) -> None:
        self._host = host
        self._port = port
        self._app = SandboxApp(
            api_key=api_key,
            secret_key=secret_key,
            job_seconds=job_seconds,
            job_form=job_form,
            first_job_id=first_job_id,
            rate_limits=rate_limits,
            minimum_version=minimum_version,
            latency=latency,
            failing_customers=failing_customers,
            plan=plan,
            seed=seed,
        )
        self._listener: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        """Its address, for ``base_url``. If it listens on every address, this is the loopback address.

        Raises:
            RuntimeError: It is not running.
        """
        if self._listener is None:
            raise RuntimeError("the sandbox is not running: use it as a context manager")
        host = DEFAULT_HOST if self._host == _EVERY_ADDRESS else self._host
        return f"http://{host}:{self._listener.getsockname()[1]}"

    @property
    def app(self) -> SandboxApp:
        """The ASGI application, for tests that call it without a network."""
        return self._app

    @property
    def received(self) -> list[Received]:
        """All requests that arrived, in order."""
        return self._app.received

    @property
    def batches(self) -> list[Received]:
        """All batches that arrived, in order, accepted or not."""
        return [request for request in self.received if request.is_batch]

    @property
    def events(self) -> Counter[tuple[str, str, str]]:
        """How often each event was accepted: by customer, name, and metadata as JSON with sorted keys."""
        return count_events(self.batches)

    def fail_next(self, *faults: Fault) -> None:
        """Set the faults of the next requests, one for each request."""
        self._app.faults.extend(faults)

    def wait_for(self, condition: Callable[[], object], timeout: float = 10.0) -> None:
        """Wait until a condition holds, such as ``lambda: len(box.batches) == 3``.

        Args:
            condition: Is called every few milliseconds, until it returns something true.
            timeout: How long to wait at most, in seconds.

        Raises:
            TimeoutError: The condition did not hold in time.
        """
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() >= deadline:
                raise TimeoutError(
                    f"the condition did not hold within {timeout:g} s; "
                    f"requests received: {len(self.received)}, batches: {len(self.batches)}"
                )
            time.sleep(_CHECK_INTERVAL)

    def forget(self) -> None:
        """Clear the recorded requests, the jobs, and the faults that are not used yet."""
        self._app.received.clear()
        self._app.jobs.clear()
        self._app.faults.clear()

    def start(self) -> None:
        """Start the server, and return when it accepts requests.

        Raises:
            OSError: The port is taken, or the host is not an address of this machine.
            RuntimeError: The server did not start in time.
        """
        # With IPPROTO_TCP named, asyncio sets TCP_NODELAY. Otherwise small packets are delayed.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
            _warn_unless_loopback(listener.getsockname()[0])
        except BaseException:
            listener.close()
            raise
        config = uvicorn.Config(
            self._app,
            http=_protocol_for(self._app),
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            ws="none",
            backlog=1024,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
        self._listener = listener
        self._server = uvicorn.Server(config)
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._server, listener, ready), name="gameball-sandbox", daemon=True
        )
        self._thread.start()
        if not ready.wait(_START_TIMEOUT):
            raise RuntimeError("the sandbox did not start")

    def _run(self, server: uvicorn.Server, listener: socket.socket, ready: threading.Event) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            # A client may connect from now on: the socket queues it until the server accepts.
            listener.listen(1024)
            ready.set()
            await server.serve(sockets=[listener])

        asyncio.run(serve())

    def stop(self) -> None:
        """Stop the server. Responses that are still waiting are not delayed any longer."""
        if self._server is None or self._thread is None or self._loop is None:
            return
        self._server.should_exit = True
        self._loop.call_soon_threadsafe(self._app.close)
        self._thread.join()
        if self._listener is not None:
            self._listener.close()  # the server does not close it if it is stopped before it has started
        self._server = self._thread = self._loop = self._listener = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _warn_unless_loopback(address: str) -> None:
    if not ip_address(address).is_loopback:
        warnings.warn(
            f"the sandbox listens on {address}, and has no access control: anyone who can reach it can read "
            "and send events. Use it only in a network that you trust",
            stacklevel=3,
        )


def _protocol_for(app: SandboxApp) -> type[asyncio.Protocol]:
    """Return a protocol that lets the application reach the connection of a request."""

    class Protocol(H11Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self._peer = transport.get_extra_info("peername")[:2]
            app.transports[self._peer] = cast("asyncio.Transport", transport)
            super().connection_made(cast("asyncio.Transport", transport))

        def connection_lost(self, exc: Exception | None) -> None:
            app.transports.pop(self._peer, None)
            super().connection_lost(exc)

    return Protocol

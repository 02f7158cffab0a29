"""The sandbox as an ASGI application: it responds to requests and records them."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from gameball.rate_limit import RateLimit
from gameball.sandbox.faults import Ending, Fault, break_off, faulty_response, is_carried_out
from gameball.sandbox.jobs import SandboxJob
from gameball.sandbox.limits import SlidingWindows
from gameball.sandbox.payload import read_batch
from gameball.sandbox.record import BATCH_PATH, VERSIONS, Received
from gameball.sandbox.refusals import Refusal, as_response

BANNER: Final = "This is the sandbox of gameball-client. It is not Gameball, and no points are awarded."
_JOB_PATH: Final = "/api/{version}/integrations/batch/{job_id:int}"
_STATUS_PATH: Final = "/api/{version}/integrations/batches/{job_id:int}/status"
_STOP_PATH: Final = "/api/{version}/integrations/batches/{job_id:int}/stop"
_JOB_FORMS: Final = ("batch", "batches", "both")
_KEY_HEADERS: Final = frozenset({"apikey", "secretkey"})


class SandboxApp:
    """Responds as Gameball documents, and records every request.

    Args:
        api_key: The API key that it accepts.
        secret_key: The secret key that it accepts.
        job_seconds: How long a job takes, in seconds.
        job_form: Which documented form of the job operations it supports: ``batch``, ``batches`` or ``both``.
        first_job_id: The id of the first job.
        rate_limits: The rate limits, which it enforces exactly.
        minimum_version: The oldest version of the API that it accepts.
        latency: The delay of each response in seconds, or the minimum and maximum of a random delay.
        failing_customers: The error messages of customers whose objects fail in their job, by customer.
        plan: Returns the fault for a request, or None for no fault. It is called when the request arrives.
        seed: The seed of the random delays.

    Raises:
        ValueError: ``job_form`` is not one of its three values, or ``minimum_version`` is not a version.
    """

    def __init__(
        self,
        *,
        api_key: str,
        secret_key: str,
        job_seconds: float,
        job_form: str,
        first_job_id: int,
        rate_limits: Sequence[RateLimit],
        minimum_version: str,
        latency: float | tuple[float, float],
        failing_customers: Mapping[str, str],
        plan: Callable[[Received], Fault | None] | None,
        seed: int,
    ) -> None:
        if job_form not in _JOB_FORMS:
            raise ValueError(f"job_form is {job_form!r} but must be one of {', '.join(_JOB_FORMS)}")
        if minimum_version not in VERSIONS:
            known = ", ".join(VERSIONS)
            raise ValueError(f"minimum_version is {minimum_version!r} but must be one of {known}")
        self._taken_versions = VERSIONS[VERSIONS.index(minimum_version) :]
        self._keys = (api_key, secret_key)
        self._job_seconds = job_seconds
        self._next_job_id = first_job_id
        self._windows = SlidingWindows(rate_limits)
        self._latency = latency if isinstance(latency, tuple) else (latency, latency)
        self._failing = failing_customers
        self._plan = plan
        self._random = random.Random(seed)  # noqa: S311 - latency, not secrets
        self._routes = self._make_routes(job_form)
        self._closing = asyncio.Event()
        self.faults: deque[Fault] = deque()
        self.received: list[Received] = []
        self.jobs: dict[int, SandboxJob] = {}
        # The transport of each open connection, by the address of the client.
        self.transports: dict[tuple[str, int], asyncio.Transport] = {}

    def _make_routes(self, job_form: str) -> list[Route]:
        routes = [
            Route("/", self._show_banner, methods=["GET"]),
            Route(BATCH_PATH, self._start_batch, methods=["POST"]),
        ]
        if job_form != "batches":
            routes += [
                Route(_JOB_PATH, self._read_job, methods=["GET"]),
                Route(_JOB_PATH, self._stop_job, methods=["DELETE"]),
            ]
        if job_form != "batch":
            routes += [
                Route(_STATUS_PATH, self._read_batch, methods=["GET"]),
                Route(_STOP_PATH, self._stop_job, methods=["POST"]),
            ]
        return routes

    def close(self) -> None:
        """End the delay of responses that are still waiting."""
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request. The server calls this."""
        request = Request(scope, receive)
        try:
            content = await request.body()
        except ClientDisconnect:
            return
        received = Received(
            number=len(self.received),
            at=time.monotonic(),
            method=request.method,
            path=request.url.path,
            headers={name: value for name, value in request.headers.items() if name not in _KEY_HEADERS},
            content=content,
        )
        self.received.append(received)
        fault = self._choose_fault(received)
        response = self._respond(request, received, fault)
        received.status = response.status_code
        await self._wait(fault.delay + self._random.uniform(*self._latency))
        transport = self.transports.get(tuple(scope["client"]))
        if fault.ending is Ending.WHOLE or transport is None:
            await response(scope, receive, send)
        else:
            await break_off(response, fault.ending, transport, receive)

    def _choose_fault(self, received: Received) -> Fault:
        if self.faults:
            return self.faults.popleft()
        return (self._plan(received) if self._plan else None) or Fault()

    def _respond(self, request: Request, received: Received, fault: Fault) -> Response:
        usual = self._dispatch(request, received) if is_carried_out(fault) else None
        response = faulty_response(fault, usual)
        response.headers["server"] = "gameball-sandbox (not Gameball)"
        return response

    def _dispatch(self, request: Request, received: Received) -> Response:
        allowed: set[str] = set()
        for route in self._routes:
            match, child = route.matches(request.scope)
            if child and child["path_params"].get("version", VERSIONS[0]) not in VERSIONS:
                continue
            if match is Match.PARTIAL:
                allowed |= route.methods or set()
            if match is not Match.FULL:
                continue
            parameters = dict(child["path_params"])
            if route.path != "/":
                refusal = self._refuse(request, received.at, parameters.pop("version"))
                if refusal is not None:
                    return as_response(refusal)
            return route.endpoint(received, **parameters)  # type: ignore[no-any-return]
        if allowed:
            response = as_response(Refusal(405, None, "Not a method of this operation"))
            response.headers["allow"] = ", ".join(sorted(allowed))
            return response
        return as_response(Refusal(404, 4004, "Not found"))

    def _refuse(self, request: Request, now: float, version: str) -> Refusal | None:
        api_key, secret_key = self._keys
        if request.headers.get("apikey") != api_key:
            return Refusal(401, 1000, "The API key is missing or wrong")
        if request.headers.get("secretkey") != secret_key:
            return Refusal(401, 1001, "The secret key is missing or wrong")
        if version not in self._taken_versions:
            # Gameball does not document this error; 2000 is its documented code for a failed precondition.
            return Refusal(412, 2000, f"The account requires version {self._taken_versions[0]} or later")
        if not self._windows.admit(now):
            return Refusal(429, None, "Too many requests")
        return None

    def _show_banner(self, _: Received) -> Response:
        return JSONResponse({"message": BANNER})

    def _start_batch(self, received: Received) -> Response:
        customers = read_batch(received.content)
        if isinstance(customers, Refusal):
            return as_response(customers)
        job = SandboxJob(
            id=self._next_job_id,
            customers=customers,
            failing=self._failing,
            created=received.at,
            seconds=self._job_seconds,
        )
        self._next_job_id += 1
        self.jobs[job.id] = job
        received.accepted = True
        received.job_id = job.id
        return JSONResponse({"jobId": job.id})

    def _read_job(self, received: Received, job_id: int) -> Response:
        job = self.jobs.get(job_id)
        return _no_job() if job is None else JSONResponse(job.as_job(received.at))

    def _read_batch(self, received: Received, job_id: int) -> Response:
        job = self.jobs.get(job_id)
        return _no_job() if job is None else JSONResponse(job.as_batch(received.at))

    def _stop_job(self, received: Received, job_id: int) -> Response:
        job = self.jobs.get(job_id)
        if job is None:
            return _no_job()
        job.stop(received.at)
        return JSONResponse({})

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            try:
                await asyncio.wait_for(self._closing.wait(), seconds)
            except TimeoutError:
                return


def _no_job() -> Response:
    return as_response(Refusal(404, 4004, "There is no such job"))

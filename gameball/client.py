"""The synchronous client: a thin shell over the pure core."""

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from types import TracebackType
from typing import Self

import httpx
from gameball_api.api.batches import send_events_batch

from gameball.answers import job_or_error, usable_answer
from gameball.chunk import Chunk
from gameball.chunker import DEFAULT_MAX_BYTES, MAX_OBJECTS, EventLike
from gameball.chunking import chunk_events
from gameball.connection import (
    DEFAULT_TIMEOUT,
    ConnectionSettings,
    RawClient,
    ReadyBatch,
    SyncConnection,
)
from gameball.credentials import look_up
from gameball.delivery import (
    DeliveryReport,
    Handover,
    Progress,
    Receipt,
    attach_report,
    order_receipts,
)
from gameball.errors import GameballError, MissingCredentialsError
from gameball.jobs import (
    DEFAULT_WAIT,
    BatchJob,
    Call,
    Ended,
    JobForms,
    Pause,
    Reply,
    read_job,
    stop_job,
    watch_jobs,
)


class Gameball:
    """A client of the Gameball API. One client may be used from many threads at once.

    Args:
        api_key: The account's API key; by default the environment's ``GAMEBALL_API_KEY``.
        secret_key: The account's secret key; by default the environment's ``GAMEBALL_SECRET_KEY``.
        base_url: Where the API is; by default the environment's ``GAMEBALL_BASE_URL``, or else
            ``https://api.gameball.co``. Plain ``http://`` is only taken for this very machine.
        timeout: How long to wait for each step of a request: seconds, or an ``httpx.Timeout``.
        transport: What to use instead of the network, for tests and unusual stacks.

    Attributes:
        events: Sends events.
        jobs: Follows the jobs that process them.
        raw: The generated client for every operation of the API, with these credentials and typed errors.

    Raises:
        MissingCredentialsError: A key is neither passed nor in the environment, or cannot be one.
        ValueError: ``base_url`` or ``timeout`` cannot be used.
    """

    # When the constructor fails, the traceback may show the half-made client.
    _base_url = ""

    def __init__(
        self,
        api_key: str | None = None,
        secret_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        found = look_up(api_key, secret_key, os.environ)
        # What fails from here on may be shown with this frame's locals.
        del api_key, secret_key
        if isinstance(found, MissingCredentialsError):
            raise found
        settings = ConnectionSettings.find(found, base_url, timeout, transport)
        self._base_url = str(settings.base_url)
        self._connection = SyncConnection(settings)
        self.raw = RawClient(self._connection)
        self.events = Events(self.raw)
        self.jobs = Jobs(self.raw)

    def close(self) -> None:
        """Close the client's connections. It cannot be used after that."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Gameball(base_url={self._base_url!r})"


class Events:
    """Sends events; it is ``Gameball.events``.

    Args:
        raw: The generated client to send with.
    """

    def __init__(self, raw: RawClient) -> None:
        self._raw = raw

    def send(
        self,
        events: Iterable[EventLike],
        *,
        max_objects: int = MAX_OBJECTS,
        max_bytes: int = DEFAULT_MAX_BYTES,
        coalesce: bool = True,
        stop_on_error: bool = True,
        on_receipt: Callable[[Receipt], object] | None = None,
        check: bool = True,
    ) -> DeliveryReport:
        """Send events, and account for every one of them.

        Args:
            events: ``Event``, ``CustomerEvents`` or ``(customer_id, name, metadata)``, in any iterable; a
                generator is read no further than needed.
            max_objects: The most objects of a request, 1 to 1,000, as Gameball documents.
            max_bytes: The most bytes of a request. Gameball documents no limit.
            coalesce: Let events of one customer share an object while their names differ.
            stop_on_error: Stop reading at the first chunk that is not accepted. Wrong keys always stop.
            on_receipt: Called with each chunk's receipt as it ends.
            check: Raise an error if any event was not accepted; otherwise the report is all there is.

        Returns:
            What became of the events.

        Raises:
            DeliveryError: Not every event was accepted, and ``check`` is on. It carries the report.
            InvalidEventError: An event cannot be sent. All before it were sent; ``report`` tells how.
            ValueError: A limit is out of its range.
            Exception: Whatever ``events`` or ``on_receipt`` raise, with the report as their ``report``.
        """
        stream = self.stream(
            events,
            max_objects=max_objects,
            max_bytes=max_bytes,
            coalesce=coalesce,
            stop_on_error=stop_on_error,
        )
        del events  # payload, which a traceback that is shown with locals would show
        receipts: list[Receipt] = []
        try:
            for receipt in stream:
                receipts.append(receipt)
                if on_receipt is not None:
                    on_receipt(receipt)
        except Exception as error:
            attach_report(error, receipts)
            raise
        report = order_receipts(receipts)
        if check:
            report.raise_for_failures()
        return report

    def stream(
        self,
        events: Iterable[EventLike],
        *,
        max_objects: int = MAX_OBJECTS,
        max_bytes: int = DEFAULT_MAX_BYTES,
        coalesce: bool = True,
        stop_on_error: bool = True,
    ) -> Iterator[Receipt]:
        """Send events in constant memory, giving each chunk's receipt as it ends.

        Nothing is sent before the first receipt is asked for, and nothing is checked: look at each receipt's
        outcome.

        Args:
            events: ``Event``, ``CustomerEvents`` or ``(customer_id, name, metadata)``, in any iterable.
            max_objects: The most objects of a request, 1 to 1,000, as Gameball documents.
            max_bytes: The most bytes of a request. Gameball documents no limit.
            coalesce: Let events of one customer share an object while their names differ.
            stop_on_error: Stop reading at the first chunk that is not accepted. Wrong keys always stop.

        Returns:
            An iterator of receipts.

        Raises:
            ValueError: A limit is out of its range.
            InvalidEventError: While iterating: an event cannot be sent. All before it have their receipts.
        """
        chunks = chunk_events(events, max_objects=max_objects, max_bytes=max_bytes, coalesce=coalesce)
        return self._stream(chunks, Progress(stop_on_error, Handover(events)))

    def _stream(self, chunks: Iterator[Chunk], progress: Progress) -> Iterator[Receipt]:
        problem: Exception | None = None
        while progress.cause is None:
            try:
                chunk = next(chunks)
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001 - raised again below
                problem = error
                break
            started = time.monotonic()
            result = self._attempt(chunk)
            yield progress.settle(chunk, result, elapsed=time.monotonic() - started)
        yield from progress.rest(problem)
        if problem is not None:
            raise problem

    def _attempt(self, chunk: Chunk) -> int | GameballError:
        try:
            with usable_answer():
                answer = send_events_batch.sync_detailed(client=self._raw, body=ReadyBatch(chunk.content))
        except GameballError as error:
            return error
        return job_or_error(answer.content)


class Jobs:
    """Follows the jobs that process batches; it is ``Gameball.jobs``.

    Args:
        raw: The generated client to ask with.
    """

    def __init__(self, raw: RawClient) -> None:
        self._raw = raw
        self._forms = JobForms()

    def get(self, job_id: int) -> BatchJob:
        """Read a job.

        Args:
            job_id: Its id, as a receipt has it.

        Returns:
            The job as it stands.

        Raises:
            NotFoundError: There is no such job.
            GameballError: It could not be read.
        """
        return self._run(read_job(job_id, self._forms))

    def stop(self, job_id: int) -> BatchJob:
        """Stop a job. What it has already processed stays.

        Args:
            job_id: Its id, as a receipt has it.

        Returns:
            The job after that.

        Raises:
            NotFoundError: There is no such job.
            GameballError: It could not be stopped, or not be read after that.
        """
        return self._run(stop_job(job_id, self._forms))

    def wait(self, job_id: int, *, timeout: float = DEFAULT_WAIT) -> BatchJob:
        """Follow a job to its end.

        Args:
            job_id: Its id, as a receipt has it.
            timeout: How long, in seconds; ``math.inf`` waits for ever.

        Returns:
            The job, completed, failed or stopped.

        Raises:
            JobTimeoutError: It has not ended in time. It goes on at the server.
            GameballError: It could not be read; failures that pass are waited out.
        """
        return next(self.wait_all([job_id], timeout=timeout))

    def wait_all(self, job_ids: Iterable[int], *, timeout: float = DEFAULT_WAIT) -> Iterator[BatchJob]:
        """Follow jobs to their end, giving each as it ends.

        Args:
            job_ids: Their ids, as ``DeliveryReport.job_ids`` has them.
            timeout: How long for all of them together, in seconds; ``math.inf`` waits for ever.

        Returns:
            An iterator of the jobs: completed, failed or stopped.

        Raises:
            JobTimeoutError: While iterating: a job has not ended in time. It goes on at the server.
            GameballError: While iterating: a job could not be read; failures that pass are waited out.
        """
        steps = watch_jobs(job_ids, timeout=timeout, forms=self._forms, clock=time.monotonic)
        return self._watch(steps)

    def _watch(self, steps: Generator[Call | Pause | Ended, Reply, None]) -> Iterator[BatchJob]:
        reply: Reply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration:
                return
            reply = None
            if isinstance(step, Call):
                reply = self._call(step)
            elif isinstance(step, Pause):
                time.sleep(step.seconds)
            else:
                yield step.job

    def _run(self, steps: Generator[Call, Reply, BatchJob]) -> BatchJob:
        reply: Reply = None
        while True:
            try:
                call = steps.send(reply)
            except StopIteration as done:
                job: BatchJob = done.value
                return job
            reply = self._call(call)

    def _call(self, call: Call) -> Reply:
        try:
            with usable_answer():
                content: bytes = call.operation.sync_detailed(call.job_id, client=self._raw).content
        except GameballError as error:
            return error
        return content

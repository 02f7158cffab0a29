"""``Gameball.jobs`` and ``AsyncGameball.jobs``: read, stop and wait for jobs.

Both run the generators of ``polling``; they differ only in how they wait and send requests.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from typing import Any

from gameball.delivery.deadline import Deadline
from gameball.delivery.effects import PauseAll, Sleep
from gameball.errors import DeadlineError, GameballError
from gameball.jobs.batch_job import BatchJob
from gameball.jobs.job_log import log_call, log_end, log_pause
from gameball.jobs.polling import (
    DEFAULT_WAIT,
    Call,
    JobForms,
    PollingEffect,
    PollingReply,
    read_job,
    stop_job,
    watch_jobs,
)
from gameball.jobs.timed_request import request_until
from gameball.rate_limit import AsyncLimiter, Limiter, RequestEnd
from gameball.transport.base_connection import read_arguments
from gameball.transport.connection import AsyncConnection, SyncConnection
from gameball.transport.pool import ConnectionPool
from gameball.transport.request_trace import end_of_interrupted
from gameball.transport.responses import request_end


class Jobs:
    """Reads, stops and waits for the jobs that process batches. Use it as ``Gameball.jobs``.

    Args:
        connection: The connection to send requests over.
        limiter: The client's rate limits.
        pool: The connections for requests with a deadline.
    """

    def __init__(self, connection: SyncConnection, limiter: Limiter, pool: ConnectionPool) -> None:
        self._connection = connection
        self._limiter = limiter
        self._pool = pool
        self._forms = JobForms()

    def get(self, job_id: int, *, deadline: float | None = None) -> BatchJob:
        """Read a job.

        Args:
            job_id: The id of the job, such as ``Receipt.job_id``.
            deadline: The maximum time of the call, in seconds, whatever it waits for. None means no deadline.

        Returns:
            The current state of the job.

        Raises:
            ValueError: The id is not an integer.
            NotFoundError: The job does not exist.
            DeadlineError: The deadline passed.
            GameballError: The job could not be read.
        """
        return self._run(read_job(job_id, self._forms), Deadline.after(deadline))

    def stop(self, job_id: int, *, deadline: float | None = None) -> BatchJob:
        """Stop a job. Objects that it has already processed are not reverted.

        Args:
            job_id: The id of the job, such as ``Receipt.job_id``.
            deadline: The maximum time of the call, in seconds, whatever it waits for. None means no deadline.

        Returns:
            The state of the job after it was stopped.

        Raises:
            ValueError: The id is not an integer.
            NotFoundError: The job does not exist.
            DeadlineError: The deadline passed. The job may have been stopped.
            GameballError: The job could not be stopped, or could not be read afterwards.
        """
        return self._run(stop_job(job_id, self._forms), Deadline.after(deadline))

    def wait(self, job_id: int, *, timeout: float = DEFAULT_WAIT, deadline: float | None = None) -> BatchJob:
        """Wait until a job has ended.

        Args:
            job_id: The id of the job, such as ``Receipt.job_id``.
            timeout: The maximum time to wait, in seconds: 600 by default, ``math.inf`` for no maximum. The
                job is read at least once, and a request that the rate limits delay is not cut short.
            deadline: The maximum time of the call, in seconds, whatever it waits for, even if the job was not
                read. None, the default, means no deadline.

        Returns:
            The job. It has completed, failed or been stopped.

        Raises:
            JobTimeoutError: The job did not end in time. It is still running on the server.
            ValueError: The id is not an integer.
            GameballError: The job could not be read. Temporary failures are retried.
        """
        return next(self.wait_all([job_id], timeout=timeout, deadline=deadline))

    def wait_all(
        self, job_ids: Iterable[int], *, timeout: float = DEFAULT_WAIT, deadline: float | None = None
    ) -> Iterator[BatchJob]:
        """Wait until all jobs have ended, yielding each job when it ends.

        Args:
            job_ids: The ids of the jobs, such as ``DeliveryReport.job_ids``.
            timeout: The maximum time to wait for all jobs together, in seconds: 600 by default, ``math.inf``
                for no maximum. Each job is read at least once, and a request that the rate limits delay is
                not cut short.
            deadline: The maximum time until the iterator ends, in seconds, whatever it waits for, even if no
                job was read; the time that its caller takes counts. None, the default, means no deadline.

        Returns:
            An iterator of jobs that have completed, failed or been stopped. The errors below are raised while
            iterating.

        Raises:
            JobTimeoutError: Some jobs did not end in time. They are still running on the server; ``job_ids``
                lists them.
            ValueError: An id is not an integer.
            GameballError: A job could not be read. Temporary failures are retried.
        """
        until = Deadline.after(deadline)
        steps = watch_jobs(job_ids, timeout=timeout, forms=self._forms, clock=time.monotonic, deadline=until)
        return self._watch(steps, until)

    def _watch(
        self, steps: Generator[PollingEffect, PollingReply, None], deadline: Deadline | None
    ) -> Iterator[BatchJob]:
        reply: PollingReply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration:
                return
            reply = None
            if isinstance(step, Call):
                reply = self._call(step, deadline)
            elif isinstance(step, Sleep):
                time.sleep(step.seconds)
            elif isinstance(step, PauseAll):
                log_pause(step.seconds)
                self._limiter.hold(step.seconds)
            else:
                log_end(step.job)
                yield step.job

    def _run(self, steps: Generator[Call, PollingReply, BatchJob], deadline: Deadline | None) -> BatchJob:
        reply: PollingReply = None
        while True:
            try:
                call = steps.send(reply)
            except StopIteration as done:
                job: BatchJob = done.value
                return job
            reply = self._call(call, deadline)

    def _call(self, call: Call, deadline: Deadline | None) -> PollingReply:
        begun = time.monotonic()
        if not self._limiter.acquire(until=math.inf if deadline is None else deadline.at):
            return DeadlineError(f"{deadline} before the request was sent")
        slot = time.monotonic()
        reply = self._request(read_arguments(call.operation, call.job_id), deadline)
        log_call(call, reply, waited=slot - begun, seconds=time.monotonic() - slot)
        return reply

    def _request(self, arguments: dict[str, Any], deadline: Deadline | None) -> PollingReply:
        if deadline is not None and not self._connection.is_closed:
            return request_until(deadline, self._pool, arguments, self._limiter.release)
        request = self._connection.build_request(**arguments)
        end = RequestEnd.ENDED_BY_SERVER
        try:
            return self._connection.fetch(request)
        except GameballError as error:
            end = request_end(error)
            return error
        except BaseException:  # an interrupt
            end = end_of_interrupted(request)
            raise
        finally:
            self._limiter.release(end)


class AsyncJobs:
    """Reads, stops and waits for the jobs that process batches. Use it as ``AsyncGameball.jobs``.

    Its methods have the arguments, results and errors of the methods of ``Jobs``.

    Args:
        connection: The connection to send requests over.
        limiter: The client's rate limits.
    """

    def __init__(self, connection: AsyncConnection, limiter: AsyncLimiter) -> None:
        self._connection = connection
        self._limiter = limiter
        self._forms = JobForms()

    async def get(self, job_id: int, *, deadline: float | None = None) -> BatchJob:
        """Read a job; see ``Jobs.get``."""
        return await self._run(read_job(job_id, self._forms), Deadline.after(deadline))

    async def stop(self, job_id: int, *, deadline: float | None = None) -> BatchJob:
        """Stop a job; see ``Jobs.stop``."""
        return await self._run(stop_job(job_id, self._forms), Deadline.after(deadline))

    async def wait(
        self, job_id: int, *, timeout: float = DEFAULT_WAIT, deadline: float | None = None
    ) -> BatchJob:
        """Wait until a job has ended; see ``Jobs.wait``."""
        return await anext(self.wait_all([job_id], timeout=timeout, deadline=deadline))

    def wait_all(
        self, job_ids: Iterable[int], *, timeout: float = DEFAULT_WAIT, deadline: float | None = None
    ) -> AsyncIterator[BatchJob]:
        """Wait until all jobs have ended, yielding each job when it ends; see ``Jobs.wait_all``."""
        until = Deadline.after(deadline)
        steps = watch_jobs(job_ids, timeout=timeout, forms=self._forms, clock=time.monotonic, deadline=until)
        return self._watch(steps, until)

    async def _watch(
        self, steps: Generator[PollingEffect, PollingReply, None], deadline: Deadline | None
    ) -> AsyncIterator[BatchJob]:
        reply: PollingReply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration:
                return
            reply = None
            if isinstance(step, Call):
                reply = await self._call(step, deadline)
            elif isinstance(step, Sleep):
                await asyncio.sleep(step.seconds)
            elif isinstance(step, PauseAll):
                log_pause(step.seconds)
                self._limiter.hold(step.seconds)
            else:
                log_end(step.job)
                yield step.job

    async def _run(
        self, steps: Generator[Call, PollingReply, BatchJob], deadline: Deadline | None
    ) -> BatchJob:
        reply: PollingReply = None
        while True:
            try:
                call = steps.send(reply)
            except StopIteration as done:
                job: BatchJob = done.value
                return job
            reply = await self._call(call, deadline)

    async def _call(self, call: Call, deadline: Deadline | None) -> PollingReply:
        self._limiter.check_loop()
        if deadline is not None and not deadline.left():
            return DeadlineError(f"{deadline} before the request was sent")
        try:
            async with asyncio.timeout(None if deadline is None else deadline.left()):
                return await self._call_once(call)
        except TimeoutError:
            return DeadlineError(f"{deadline} before the response arrived")

    async def _call_once(self, call: Call) -> PollingReply:
        begun = time.monotonic()
        await self._limiter.acquire()
        slot = time.monotonic()
        end = RequestEnd.ENDED_BY_SERVER
        reply: PollingReply
        request = self._connection.build_request(**read_arguments(call.operation, call.job_id))
        try:
            reply = await self._connection.fetch(request)
        except GameballError as error:
            end = request_end(error)
            reply = error
        except BaseException:  # a cancellation
            end = end_of_interrupted(request)
            raise
        finally:
            self._limiter.release(end)
        log_call(call, reply, waited=slot - begun, seconds=time.monotonic() - slot)
        return reply

"""``Gameball.jobs`` and ``AsyncGameball.jobs``: read, stop and follow jobs.

Both carry out what ``polling`` decides; they differ in how they wait.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Generator, Iterable, Iterator

from gameball.delivery.effects import PauseAll, Sleep
from gameball.errors import ConnectionFailedError, GameballError
from gameball.jobs.batch_job import BatchJob
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
from gameball.rate_limit import AsyncLimiter, Limiter
from gameball.transport.connection import AsyncConnection, SyncConnection, read_arguments


class Jobs:
    """Follows the jobs that process batches; it is ``Gameball.jobs``.

    Args:
        connection: What to ask over.
        limiter: The client's rate limits.
    """

    def __init__(self, connection: SyncConnection, limiter: Limiter) -> None:
        self._connection = connection
        self._limiter = limiter
        self._forms = JobForms()

    def get(self, job_id: int) -> BatchJob:
        """Read a job.

        Args:
            job_id: Its id, as a receipt has it.

        Returns:
            The job as it stands.

        Raises:
            ValueError: The id is no whole number.
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
            ValueError: The id is no whole number.
            NotFoundError: There is no such job.
            GameballError: It could not be stopped, or not be read after that.
        """
        return self._run(stop_job(job_id, self._forms))

    def wait(self, job_id: int, *, timeout: float = DEFAULT_WAIT) -> BatchJob:
        """Follow a job to its end.

        Args:
            job_id: Its id, as a receipt has it.
            timeout: How long, in seconds, 600 by default; ``math.inf`` waits for ever. It is read at least
                once, and a request that waits for its place within the rate limits is waited for.

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
            timeout: How long for all of them together, in seconds, 600 by default; ``math.inf`` waits for
                ever. Each is read at least once, and a request that waits for its place within the rate
                limits is waited for.

        Returns:
            An iterator of the jobs: completed, failed or stopped.

        Raises:
            JobTimeoutError: While iterating: some jobs have not ended in time; it tells which. They go on at
                the server.
            GameballError: While iterating: a job could not be read; failures that pass are waited out.
        """
        steps = watch_jobs(job_ids, timeout=timeout, forms=self._forms, clock=time.monotonic)
        return self._watch(steps)

    def _watch(self, steps: Generator[PollingEffect, PollingReply, None]) -> Iterator[BatchJob]:
        reply: PollingReply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration:
                return
            reply = None
            if isinstance(step, Call):
                reply = self._call(step)
            elif isinstance(step, Sleep):
                time.sleep(step.seconds)
            elif isinstance(step, PauseAll):
                self._limiter.hold(step.seconds)
            else:
                yield step.job

    def _run(self, steps: Generator[Call, PollingReply, BatchJob]) -> BatchJob:
        reply: PollingReply = None
        while True:
            try:
                call = steps.send(reply)
            except StopIteration as done:
                job: BatchJob = done.value
                return job
            reply = self._call(call)

    def _call(self, call: Call) -> PollingReply:
        self._limiter.acquire()
        sent = True
        try:
            response = self._connection.request(**read_arguments(call.operation, call.job_id))
        except GameballError as error:
            sent = not isinstance(error, ConnectionFailedError)
            return error
        finally:
            self._limiter.release(sent=sent)
        return response.content


class AsyncJobs:
    """Follows the jobs that process batches; it is ``AsyncGameball.jobs``.

    Its methods take, return and raise what those of ``Jobs`` do.

    Args:
        connection: What to ask over.
        limiter: The client's rate limits.
    """

    def __init__(self, connection: AsyncConnection, limiter: AsyncLimiter) -> None:
        self._connection = connection
        self._limiter = limiter
        self._forms = JobForms()

    async def get(self, job_id: int) -> BatchJob:
        """Read a job; see ``Jobs.get``."""
        return await self._run(read_job(job_id, self._forms))

    async def stop(self, job_id: int) -> BatchJob:
        """Stop a job; see ``Jobs.stop``."""
        return await self._run(stop_job(job_id, self._forms))

    async def wait(self, job_id: int, *, timeout: float = DEFAULT_WAIT) -> BatchJob:
        """Follow a job to its end; see ``Jobs.wait``."""
        return await anext(self.wait_all([job_id], timeout=timeout))

    def wait_all(self, job_ids: Iterable[int], *, timeout: float = DEFAULT_WAIT) -> AsyncIterator[BatchJob]:
        """Follow jobs to their end, giving each as it ends; see ``Jobs.wait_all``."""
        steps = watch_jobs(job_ids, timeout=timeout, forms=self._forms, clock=time.monotonic)
        return self._watch(steps)

    async def _watch(self, steps: Generator[PollingEffect, PollingReply, None]) -> AsyncIterator[BatchJob]:
        reply: PollingReply = None
        while True:
            try:
                step = steps.send(reply)
            except StopIteration:
                return
            reply = None
            if isinstance(step, Call):
                reply = await self._call(step)
            elif isinstance(step, Sleep):
                await asyncio.sleep(step.seconds)
            elif isinstance(step, PauseAll):
                self._limiter.hold(step.seconds)
            else:
                yield step.job

    async def _run(self, steps: Generator[Call, PollingReply, BatchJob]) -> BatchJob:
        reply: PollingReply = None
        while True:
            try:
                call = steps.send(reply)
            except StopIteration as done:
                job: BatchJob = done.value
                return job
            reply = await self._call(call)

    async def _call(self, call: Call) -> PollingReply:
        self._limiter.check_loop()
        await self._limiter.acquire()
        sent = True
        try:
            response = await self._connection.request(**read_arguments(call.operation, call.job_id))
        except GameballError as error:
            sent = not isinstance(error, ConnectionFailedError)
            return error
        finally:
            self._limiter.release(sent=sent)
        return response.content

"""Sends with threads: the shell around ``Flow`` and ``deliver`` that reads, waits and sends."""

import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Final

from attrs import define, field, frozen
from gameball_api.api.batches import send_events_batch

from gameball.answers import job_or_error, usable_answer
from gameball.attempts import (
    Admit,
    Attempt,
    Conclude,
    Delivery,
    Divide,
    Hold,
    Intend,
    Pause,
    Reply,
    Step,
    Task,
    deliver,
    doubt_of,
    give_up,
    give_up_task,
    given_up,
)
from gameball.chunk import Chunk
from gameball.connection import RawClient, ReadyBatch
from gameball.delivery import Receipt
from gameball.errors import ConnectionFailedError, GameballError, LedgerError, ResponseLostError
from gameball.flow import Flow
from gameball.lanes import Lane, Lanes
from gameball.ledger import Ledger
from gameball.options import OpenLedger
from gameball.ratelimit import Limiter
from gameball.retries import RetryPolicy

#: How long what is in flight may take to end after an interrupt, in seconds.
GRACE: Final = 5.0
#: How long a worker may take to notice that its connection was broken off, in seconds.
BREAK_OFF_TIME: Final = 2.0
#: How long a send takes at most to end once its client is closed, in seconds.
CLOSE_TIMEOUT: Final = GRACE + 2 * BREAK_OFF_TIME


@frozen
class Done:
    """Tells that a worker has done all it could for a task."""

    task: Task


@define
class _Worker:
    """A thread, and what it is at."""

    lane: Lane
    raw: RawClient
    thread: threading.Thread | None = None
    busy: bool = False
    task: Task | None = None
    #: The chunk it is at, or the parts of one that was split, as far as they have no receipt.
    unsettled: list[tuple[int, Chunk]] = field(factory=list)
    #: An attempt at that which may have been accepted.
    doubt: GameballError | None = None
    given_up: bool = False


class Sender:
    """One send: reads chunks in the caller's thread, and delivers them in others.

    Args:
        chunks: What to send.
        flow: How the send goes on.
        policy: How often and how soon to try again.
        limiter: The client's rate limits.
        lanes: The client's connections.
        ledger: The durable record, whose run the sender ends; or None.
    """

    def __init__(
        self,
        chunks: Iterator[Chunk],
        flow: Flow,
        *,
        policy: RetryPolicy,
        limiter: Limiter,
        lanes: Lanes,
        ledger: OpenLedger | None,
    ) -> None:
        self._chunks = chunks
        self._flow = flow
        self._limiter = limiter
        self._lanes = lanes
        self._ledger = ledger
        self._delivery = Delivery(policy, time.monotonic, random.random, lambda: flow.cause)
        self._stopped = threading.Event()
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        # An interrupt may come between any two steps of the caller's thread. So what comes back is looked at
        # first and removed when it has been dealt with: settle() finds whatever was not.
        self._results: deque[Receipt | Done | None] = deque()
        self._arrived = threading.Condition()
        self._workers: list[_Worker] = []
        self._submitted = -1
        self._interrupted = False
        self._settled = threading.Event()
        self._concluding = threading.Lock()
        self.caller = threading.get_ident()

    def receipts(self) -> Iterator[Receipt]:
        """Send, and yield each receipt as it comes.

        Raises:
            BaseException: What the source, an invalid event or the ledger has raised, after all receipts.
        """
        flow = self._flow
        while not self._interrupted and (flow.wants_chunk() or flow.open or self._results):
            if flow.wants_chunk():
                yield from self._read()
            else:
                yield from self._collect()
        if not self._interrupted:
            yield from flow.rest()
        if flow.problem is not None:
            raise flow.problem

    def _read(self) -> Iterator[Receipt]:
        flow = self._flow
        try:
            handed = flow.examine(next(self._chunks))
        except StopIteration:
            flow.end()
        except Exception as error:  # noqa: BLE001 - raised again when what was read before is settled
            flow.end(error)
        else:
            if isinstance(handed, Receipt):
                self._results.append(handed)
                flow.advance(handed.index, handed.last)
            else:
                flow.open[handed.index] = handed
                flow.advance(handed.index, handed.chunk.last)
                self._submit(handed)
        # A source that takes its time must not keep the receipts waiting.
        while self._results:
            yield from self._collect()

    def _collect(self) -> Iterator[Receipt]:
        with self._arrived:
            while not self._results:
                self._arrived.wait()
        result = self._results[0]
        if isinstance(result, Done):
            self._flow.open.pop(result.task.index, None)
        elif result is not None:
            yield result
        self._results.popleft()

    def _tell(self, result: Receipt | Done | None) -> None:
        """Hand something to the caller's thread."""
        with self._arrived:
            self._results.append(result)
            self._arrived.notify()

    def _submit(self, task: Task) -> None:
        if len(self._workers) < min(self._flow.concurrency, len(self._flow.open)):
            lane = self._lanes.borrow()
            worker = _Worker(lane, RawClient(lane))
            worker.thread = threading.Thread(
                target=self._work, args=(worker,), name=f"gameball-send-{len(self._workers)}", daemon=True
            )
            self._workers.append(worker)
            worker.thread.start()
        self._submitted = task.index
        self._tasks.put(task)

    def _work(self, worker: _Worker) -> None:
        while (task := self._tasks.get()) is not None:
            worker.busy = True
            worker.task = task
            steps = deliver(task, self._delivery)
            reply: Reply = None
            try:
                while True:
                    reply = self._take(steps.send(reply), worker)
            except StopIteration:
                pass
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                self.fail(error)
                with self._concluding:
                    self._give_up(worker)
            worker.busy = False
            self._tell(Done(task))
        # Given up on, it is back after its send has ended, and nobody else closes its connection.
        if worker.given_up:
            worker.lane.close()

    def _take(self, step: Step, worker: _Worker) -> Reply:
        match step:
            case Intend(task):
                worker.unsettled = [(task.index, task.chunk)]
                worker.doubt = task.doubt
                if self._flow.cause is not None or self._ledger is None:
                    return self._flow.cause
                return self._note(lambda ledger: ledger.intend(task.index, task.chunk))
            case Admit():
                return self._limiter.acquire(lambda: self._flow.stopped)
            case Attempt(chunk):
                result = self._attempt(chunk, worker)
                worker.doubt = doubt_of(result) or worker.doubt
                if isinstance(result, GameballError):
                    # From here on it is certain what it came to, or is the worker's doubt.
                    worker.lane.began_to_send = False
                return result
            case Pause(seconds):
                self._stopped.wait(seconds)
            case Hold(seconds):
                self._limiter.hold(seconds)
            case Divide(index, parts):
                worker.unsettled = [(index, part) for part in parts] + worker.unsettled[1:]
                return self._note(lambda ledger: ledger.divide(index, parts))
            case Conclude(receipt):
                self._conclude(receipt, worker)
        return None

    def _attempt(self, chunk: Chunk, worker: _Worker) -> int | GameballError:
        sent = True
        try:
            with usable_answer():
                answer = send_events_batch.sync_detailed(client=worker.raw, body=ReadyBatch(chunk.content))
        except ConnectionFailedError as error:
            sent = False
            return error
        except GameballError as error:
            return error
        except Exception as error:  # noqa: BLE001 - of a transport of the user's; raised again for the caller
            self.fail(error)
            return ResponseLostError(f"sending failed in an unknown way: {type(error).__name__}")
        finally:
            self._limiter.release(sent=sent)
        return job_or_error(answer.content)

    def _note(self, write: Callable[[Ledger], None]) -> LedgerError | None:
        """Write to the ledger, if there is one; what fails ends the send."""
        if self._ledger is None:
            return None
        try:
            write(self._ledger.ledger)
        except LedgerError as error:
            self.fail(error)
            return error
        return None

    def _conclude(self, receipt: Receipt, worker: _Worker) -> None:
        with self._concluding:
            if worker.given_up:
                return
            try:
                self._note(lambda ledger: ledger.conclude(receipt))
            finally:
                # Whatever the ledger does, what became of the chunk is known.
                worker.unsettled.pop(0)
                worker.lane.began_to_send = False
                self._flow.settle(receipt)
                self._tell(receipt)
        if self._flow.stopped:
            self._wake()

    def stop(self, cause: GameballError | None = None) -> None:
        """Send nothing new, from whichever thread."""
        self._flow.stop(cause)
        self._wake()

    def fail(self, problem: BaseException) -> None:
        """Send nothing new, and let the caller see a problem in the end; from whichever thread."""
        self._flow.fail(problem)
        self._wake()

    def interrupt(self, problem: BaseException) -> None:
        """Let the caller see a problem at once, from any thread; what is in flight has its grace time."""
        self._interrupted = True
        self.fail(problem)
        # Wakes the caller, who may be waiting for a receipt.
        self._tell(None)

    def _wake(self) -> None:
        self._stopped.set()
        self._limiter.wake()

    def wait(self, seconds: float) -> bool:
        """Wait until the send is settled, and tell whether it is."""
        return self._settled.wait(seconds)

    def settle(self) -> list[Receipt]:
        """End the send: what is in flight gets its grace time, and then is broken off.

        Returns:
            The receipts that were not given yet.
        """
        receipts: list[Receipt] = []
        if self._settled.is_set():
            return receipts
        self.stop()
        try:
            # What the interrupt has kept from being handed to a worker never will be.
            unsubmitted = [task for task in self._flow.open.values() if task.index > self._submitted]
            for task in unsubmitted:
                self._finish(task, receipts)
            self._drain(receipts, GRACE)
            self._break_off()
            self._drain(receipts, BREAK_OFF_TIME)
            with self._concluding:
                for worker in self._workers:
                    worker.given_up = worker.busy
                    self._give_up(worker)
            self._drain(receipts, 0.0)
            stuck = {worker.task for worker in self._workers if worker.given_up}
            for task in set(self._flow.open.values()) - stuck:
                self._finish(task, receipts)
        finally:
            # A second interrupt lands here at once; what is still in flight stays so in the ledger.
            self._break_off()
            self._close()
            if self._ledger is not None:
                with suppress(LedgerError):  # when a run ended is good to know, and no more
                    self._ledger.end_run()
        return receipts + self._flow.rest()

    def _finish(self, task: Task, receipts: list[Receipt]) -> None:
        """Settle a task that no worker has come to."""
        receipts.append(give_up_task(task))
        self._flow.advance(task.index, task.chunk.last)
        del self._flow.open[task.index]

    def _drain(self, receipts: list[Receipt], seconds: float) -> None:
        """Collect receipts until nothing is open or the time is over."""
        deadline = time.monotonic() + seconds
        while self._flow.open or self._results:
            with self._arrived:
                while not self._results:
                    if (left := deadline - time.monotonic()) <= 0:
                        return
                    self._arrived.wait(left)
            result = self._results.popleft()
            if isinstance(result, Done):
                self._flow.open.pop(result.task.index, None)
            elif result is not None:
                receipts.append(result)
                self._flow.advance(result.index, result.last)

    def _break_off(self) -> None:
        for worker in self._workers:
            if worker.busy:
                worker.lane.break_off()

    def _give_up(self, worker: _Worker) -> None:
        """Settle what a worker is at as well as can be known without it."""
        # A lane that is broken off before it began to send never will.
        error = worker.doubt or given_up(sent=worker.lane.began_to_send)
        for index, chunk in worker.unsettled:
            receipt = give_up(index, chunk, error, attempts=1)
            self._note(partial(Ledger.conclude, receipt=receipt))
            self._tell(receipt)
        worker.unsettled = []

    def _close(self) -> None:
        for _ in self._workers:
            self._tasks.put(None)
        for worker in self._workers:
            if not worker.busy and worker.thread is not None:
                worker.thread.join()
                self._lanes.give_back(worker.lane)
        self._settled.set()

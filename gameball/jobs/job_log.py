"""What following jobs logs. Neither Gameball's messages nor the items of jobs are logged."""

from gameball.errors import GameballError, describe
from gameball.jobs.batch_job import BatchJob
from gameball.jobs.polling import Call, PollingReply
from gameball.log import LOGGER


def log_call(call: Call, reply: PollingReply, *, waited: float, seconds: float) -> None:
    """Log a request, how long it waited for the rate limits, and how long it then took, in seconds."""
    said = describe(reply) if isinstance(reply, GameballError) else "answered"
    name = call.operation.__name__.rpartition(".")[2]
    LOGGER.debug("job %d: waited %.2f s, %s, %.3f s: %s", call.job_id, waited, name, seconds, said)


def log_pause(seconds: float) -> None:
    """Log that the account's rate limit is reached."""
    LOGGER.warning("429: the account's rate limit is reached; no request for %.2f s", seconds)


def log_end(job: BatchJob) -> None:
    """Log a job that has ended."""
    LOGGER.info(
        "job %d ended: %s; items: %s, finished: %s, failed: %s",
        job.id,
        job.status,
        job.total,
        job.finished,
        job.errors,
    )

"""``gameball job``: show, wait for and stop jobs."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.table import Table

from gameball.cli.client import open_client
from gameball.cli.exit_codes import ExitCode, code_of_error, worst
from gameball.cli.output import escape, write_json, write_lines, write_table
from gameball.cli.send.tally import describe_error
from gameball.errors import GameballError
from gameball.jobs.batch_job import BatchJob

#: The id of a job, with the job or the error of the request for it.
Answer = tuple[int, BatchJob | GameballError]


def show_jobs(job_ids: Iterable[int], *, env_file: Path | None, as_json: bool) -> ExitCode:
    """Show the status of jobs. The exit code is 3 if a job has failed items."""
    with open_client(env_file) as client:
        return _print(_each(job_ids, client.jobs.get), as_json=as_json)


def stop_jobs(job_ids: Iterable[int], *, env_file: Path | None, as_json: bool) -> ExitCode:
    """Stop jobs, and show their status afterwards."""
    with open_client(env_file) as client:
        return _print(_each(job_ids, client.jobs.stop), as_json=as_json, stopping=True)


def wait_for_jobs(
    job_ids: Iterable[int], *, timeout: float, env_file: Path | None, as_json: bool
) -> ExitCode:
    """Wait until jobs have ended.

    Args:
        job_ids: The jobs.
        timeout: The maximum time for all of them together, in seconds.
        env_file: A file with the keys, or None for the environment.
        as_json: Whether to write JSON.

    Returns:
        The exit code: 3 if a job has failed items, 4 if a job did not end in time.
    """
    deadline = time.monotonic() + timeout
    with open_client(env_file) as client:

        def wait(job_id: int) -> BatchJob:
            return client.jobs.wait(job_id, timeout=max(deadline - time.monotonic(), 0.0))

        return _print(_each(job_ids, wait), as_json=as_json)


def _each(job_ids: Iterable[int], ask: Callable[[int], BatchJob]) -> Iterator[Answer]:
    """Request one job after the other. The error of one does not keep the others from being shown."""
    for job_id in dict.fromkeys(job_ids):
        try:
            yield job_id, ask(job_id)
        except GameballError as error:
            yield job_id, error


def _print(answers: Iterable[Answer], *, as_json: bool, stopping: bool = False) -> ExitCode:
    code = ExitCode.OK
    documents: list[dict[str, Any]] = []
    table = Table("job", "status", "objects", "done", "failed", box=None, pad_edge=False)
    below: list[str] = []
    for job_id, answer in answers:
        if isinstance(answer, GameballError):
            code = worst(code, code_of_error(answer))
            documents.append({"id": job_id, "error": describe_error(answer)})
            table.add_row(str(job_id), "?", "", "", "")
            below.append(f"job {job_id}: {describe_error(answer)}")
            continue
        # A job that was stopped on request is not a failure, although the published form calls it failed.
        if answer.failed or (answer.has_failures and not stopping):
            code = worst(code, ExitCode.REJECTED)
        documents.append(_as_json(answer))
        counts = (answer.total, answer.finished, answer.errors)
        table.add_row(
            str(job_id), escape(answer.status), *("" if count is None else f"{count:,}" for count in counts)
        )
        below += [f"job {job_id}, customer {item.customer_id}: {item.message}" for item in answer.failed]
    if as_json:
        write_json({"exit_code": int(code), "jobs": documents})
        return code
    write_table(table)
    write_lines(below)
    return code


def _as_json(job: BatchJob) -> dict[str, Any]:
    return {
        "id": job.id,
        "status": job.status,
        "total": job.total,
        "finished": job.finished,
        "errors": job.errors,
        "failed": [{"customer_id": item.customer_id, "message": item.message} for item in job.failed],
    }

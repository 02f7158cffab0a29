"""The jobs of the sandbox."""

import httpx
from batch_requests import HEADERS, post

from gameball.sandbox import Sandbox
from gameball.sandbox.jobs import SandboxJob


def test_a_job_moves_through_its_states() -> None:
    job = SandboxJob(id=7, customers=["a", "b"], failing={}, created=100.0, seconds=8.0)
    times = [100.0, 101.9, 102.0, 107.9, 108.0]
    first = [job.as_job(at) for at in times]
    second = [job.as_batch(at) for at in times]
    assert [job["status"] for job in first] == ["queued", "queued", "running", "running", "completed"]
    assert [job["status"] for job in second] == [
        "pending",
        "pending",
        "processing",
        "processing",
        "completed",
    ]
    assert [job["startedAt"] is None for job in first] == [True, True, False, False, False]


def test_the_first_job_id_can_be_set_and_both_forms_find_it() -> None:
    with Sandbox(job_seconds=0.0, first_job_id=0) as box:
        assert post(box).json() == {"jobId": 0}
        first = httpx.get(f"{box.url}/api/v4.0/integrations/batch/0", headers=HEADERS).json()
        second = httpx.get(f"{box.url}/api/v4.0/integrations/batches/0/status", headers=HEADERS).json()
    assert (first["jobId"], first["status"]) == (0, "completed")
    assert (second["batchId"], second["status"]) == (0, "completed")

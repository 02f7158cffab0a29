"""``gameball job``."""

import re

from command import gameball

from gameball import Event, Gameball
from gameball.sandbox import Sandbox


def test_jobs_are_shown_waited_for_and_stopped() -> None:
    with Sandbox(job_seconds=1.0, failing_customers={"c1": "The account is closed"}) as box:
        with Gameball("key", "secret", base_url=box.url) as client:
            good = client.events.send([Event("c0", "x")]).job_ids[0]
            bad = client.events.send([Event("c1", "x")]).job_ids[0]
        waited = gameball("job", "wait", good, bad, "--timeout", "30", url=box.url)
        assert waited.code == 3
        assert f"job {bad}, customer c1: The account is closed" in waited.out
        assert re.search(rf"^{good} +completed +1 +1 +0 *$", waited.out, re.MULTILINE)
        # One that is not there does not keep the others from being told of.
        mixed = gameball("job", "wait", 404, good, "--json", url=box.url)
        assert [set(job) >= {"error"} for job in mixed.report["jobs"]] == [True, False]
        absent = gameball("job", "status", "404", url=box.url)
        assert absent.code == 3
        assert "job 404: " in absent.out
    with Sandbox(job_seconds=600) as box:
        with Gameball("key", "secret", base_url=box.url) as client:
            job = client.events.send([Event("c0", "x")]).job_ids[0]
        running = gameball("job", "status", job, "--json", url=box.url)
        assert (running.code, running.report["jobs"][0]["id"]) == (0, job)
        too_early = gameball("job", "wait", job, "--timeout", "0.01", url=box.url)
        assert too_early.code == 4
        stopped = gameball("job", "stop", job, url=box.url)
        assert stopped.code == 0
        assert "stopped" in gameball("job", "status", job, url=box.url).out

"""The ``gameball`` command as a whole: help, exit codes, keys, jobs, and the smaller commands."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import GAMEBALL, begin, environment, gameball, write_events

from gameball import Event, Gameball
from gameball.cli.app import EXAMPLES
from gameball.cli.client import parse_pairs, parse_rate_limits
from gameball.sandbox import Fault, Sandbox

COMMANDS = ["", *sorted({*EXAMPLES, "job", "ledger"})]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_what_it_is_for(command: str) -> None:
    done = gameball(*command.split(), "--help", COLUMNS="400")
    assert (done.code, done.err) == (0, "")
    assert f"Usage: gameball {command}".strip() in done.out
    if command in EXAMPLES:
        for example in EXAMPLES[command]:
            assert f"  {example}" in done.out
    described = re.findall(r"^│ (?:\* )? *(--[a-z-]+)(.*)│$", done.out, re.MULTILINE)
    assert described or command in {"demo", "job", "ledger"}
    for option, text in described:
        if option not in {"--help", "--version", "--install-completion"}:
            assert "[default: " in text, option


@pytest.mark.parametrize("command", sorted(EXAMPLES))
def test_the_examples_of_the_help_work(command: str, tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 30)
    (tmp_path / "users.csv").write_text(
        "user_id,action,amount,at\nc1,bought,2.5,2026-11-23T10:00:00Z\nc2,bought,3,2026-11-23T10:00:00+02:00\n"
    )
    subprocess.run(["gzip", "--keep", "events.jsonl"], cwd=tmp_path, check=True)
    make_parquet = (
        "import pyarrow, pyarrow.parquet as p;"
        "p.write_table(pyarrow.table({'customer_id': ['a', 'b'], 'name': ['x', 'y']}), 'events.parquet')"
    )
    subprocess.run([sys.executable, "-c", make_parquet], cwd=tmp_path, check=True)
    with Sandbox(job_seconds=0.0) as box:
        with Gameball("key", "secret", base_url=box.url) as client:
            for number in range(2):
                client.events.send([Event(f"c{number}", "x")])
        (tmp_path / "likes").mkdir()
        if command == "ledger show":
            assert gameball("send", "events.jsonl", url=box.url, cwd=tmp_path).code == 0
        for example in EXAMPLES[command]:
            variables = environment(None if command == "demo" else box.url)
            variables["PATH"] = f"{Path(GAMEBALL).parent}{os.pathsep}{variables['PATH']}"
            if command == "sandbox":
                _ends_by_interrupt(example, variables, tmp_path)
                continue
            done = subprocess.run(
                ["sh", "-c", example],
                cwd=tmp_path,
                env=variables,
                capture_output=True,
                check=False,
                timeout=60,
            )
            # Some of the bundled events fail in their jobs.
            assert (done.returncode, done.stderr) == (3 if command == "demo" else 0, b""), example


def _ends_by_interrupt(example: str, variables: dict[str, str], cwd: Path) -> None:
    words = shlex.split(example.replace("--port 8600", "--port 0"))
    with subprocess.Popen(
        words, cwd=cwd, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert b"not Gameball" in process.stdout.readline()
        assert b"http://127.0.0.1:" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, b"")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from gameball.cli.app import run; run(['--help']);"
        "print(sorted({'httpx', 'orjson', 'pyarrow', 'zstandard', 'dotenv', 'sqlite3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "nonsense"),
        (["send"], "SOURCE"),
        (["send", "events.jsonl", "--nonsense"], "--nonsense"),
        (["send", "absent.jsonl"], "there is no file absent.jsonl"),
        (["send", "events.txt"], "--format"),
        (["send", "events.jsonl", "events.jsonl"], "given twice"),
        (["send", "events.jsonl", "--ledger", "a", "--no-ledger"], "cannot be used together"),
        (["send", "events.jsonl", "users.csv", "--ledger", "a"], "one source"),
        (["send", "events.jsonl", "--rejects", "events.jsonl"], "is the source: use another file"),
        (["send", "events.jsonl", "--map", "customer_id"], "is not a pair"),
        (["send", "events.jsonl", "--map", "a=b,a=c"], "names a twice"),
        (["send", "events.jsonl", "--types", "a=int"], "types are for CSV and Parquet only"),
        (["send", "users.csv", "--types", "a=number"], "number"),
        (["send", "events.jsonl", "--rate-limit", "fast"], "REQUESTS/SECONDS"),
        (["send", "events.jsonl", "--concurrency", "0"], "concurrency"),
        (["send", "events.jsonl", "--max-objects", "1001"], "max_objects"),
        (["send", "events.jsonl", "--timeout", "0"], "timeout"),
        (["send", "events.jsonl", "--env-file", "absent"], "absent"),
        (["send", "-", "--format", "parquet"], "standard input"),
        (["job", "status", "x"], "x"),
        (["ledger", "show", "absent.ledger"], "there is no ledger absent.ledger"),
        (["ledger", "show", "events.jsonl"], "ledger"),
        (["send", "events.jsonl", "--ledger", "events.txt"], "ledger"),
        (["send", "events.jsonl", "--ledger", "absent/a.ledger"], "ledger"),
    ],
)
def test_wrong_use_is_told_in_one_line_and_nothing_is_sent(
    words: list[str], said: str, box: Sandbox, tmp_path: Path
) -> None:
    write_events(tmp_path / "events.jsonl", 1)
    (tmp_path / "users.csv").write_text("customer_id,name,a\nc,n,1\n")
    (tmp_path / "events.txt").write_text("no ledger")
    done = gameball(*words, url=box.url, cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("gameball: ")
    assert said in done.err
    assert done.err.count("\n") == 1
    assert not box.received
    report = gameball(*words, "--json", url=box.url, cwd=tmp_path).report
    assert report == {"exit_code": 2, "error": done.err.removeprefix("gameball: ").rstrip("\n")}


def test_missing_keys_have_an_exit_code_of_their_own(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 1)
    done = gameball("send", "events.jsonl", cwd=tmp_path)
    assert (done.code, done.out) == (5, "")
    assert "GAMEBALL_API_KEY" in done.err


def test_keys_may_come_from_a_file_and_go_before_the_environment(box: Sandbox, tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 1)
    (tmp_path / ".env").write_text(
        "GAMEBALL_API_KEY=key\nexport GAMEBALL_SECRET_KEY='secret'\n# a comment\n"
        f"GAMEBALL_BASE_URL={box.url}\n"
    )
    done = gameball("send", "events.jsonl", "--env-file", ".env", cwd=tmp_path, GAMEBALL_API_KEY="wrong")
    assert (done.code, sum(box.events.values())) == (0, 1)


@pytest.mark.parametrize("words", [("send", "events.jsonl"), ("job", "status", "1")])
def test_no_key_is_shown_whatever_goes_wrong(words: tuple[str, ...], box: Sandbox, tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 1)
    for url in (box.url, "http://127.0.0.1:9", "nonsense"):
        done = gameball(
            *(*words, "--debug"),
            url=url,
            cwd=tmp_path,
            GAMEBALL_API_KEY="canary-api-key",
            GAMEBALL_SECRET_KEY="canary-secret",
        )
        assert done.code != 0
        assert "canary" not in done.out + done.err
    for path in tmp_path.iterdir():
        assert b"canary" not in path.read_bytes()


def test_debug_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    done = gameball("send", "absent.jsonl", "--debug", cwd=tmp_path)
    assert "Traceback" in done.err


def test_jobs_are_shown_waited_for_and_stopped() -> None:
    with Sandbox(job_seconds=4, failing_customers={"c1": "The account is closed"}) as box:
        with Gameball("key", "secret", base_url=box.url) as client:
            good = client.events.send([Event("c0", "x")]).job_ids[0]
            bad = client.events.send([Event("c1", "x")]).job_ids[0]
        running = gameball("job", "status", good, "--json", url=box.url)
        assert (running.code, running.report["jobs"][0]["id"]) == (0, good)
        too_early = gameball("job", "wait", good, bad, "--timeout", "0.01", url=box.url)
        assert too_early.code == 4
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
    with Sandbox(job_seconds=60) as box:
        with Gameball("key", "secret", base_url=box.url) as client:
            job = client.events.send([Event("c0", "x")]).job_ids[0]
        stopped = gameball("job", "stop", job, url=box.url)
        assert stopped.code == 0
        assert "stopped" in gameball("job", "status", job, url=box.url).out


def test_a_ledger_is_shown_in_words_and_as_json(box: Sandbox, tmp_path: Path) -> None:
    source = write_events(tmp_path / "events.jsonl", 30)
    box.fail_next(Fault(), Fault(status=400))
    words = ("--max-objects", "10", "--concurrency", "1")
    assert gameball("send", source, *words, url=box.url).code == 3
    shown = gameball("ledger", "show", tmp_path / "events.jsonl.ledger")
    assert shown.code == 3
    assert str(source) in shown.out
    assert "20 accepted" in shown.out
    assert re.search(
        r"^11 to 20 +10 +rejected +1 +HTTP 400|^11 to 20 +10 +rejected +1 ", shown.out, re.MULTILINE
    )
    report = gameball("ledger", "show", tmp_path / "events.jsonl.ledger", "--json").report
    assert report["events"] == {"accepted": 20, "rejected": 10, "unknown": 0, "unsent": 0}
    assert [chunk["outcome"] for chunk in report["chunks"]] == ["accepted", "rejected", "accepted"]
    unsent = gameball("ledger", "show", tmp_path / "events.jsonl.ledger", "--unsent", "--json").report
    assert (unsent["exit_code"], unsent["lines"]) == (3, [])
    moved = tmp_path / "moved.jsonl"
    source.rename(moved)
    lost = gameball("ledger", "show", tmp_path / "events.jsonl.ledger", "--unsent")
    assert (lost.code, "--source" in lost.err) == (2, True)
    found = gameball("ledger", "show", tmp_path / "events.jsonl.ledger", "--unsent", "--source", moved)
    assert (found.code, found.out) == (3, "")


def test_completion_is_written_for_a_shell(tmp_path: Path) -> None:
    done = gameball("--install-completion", "--shell", "bash", HOME=str(tmp_path), cwd=tmp_path)
    assert done.code == 0
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("gameball" in path.read_text() for path in written)


def test_a_reader_that_has_seen_enough_is_no_error(box: Sandbox, tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 3)
    gameball("send", "events.jsonl", "--max-objects", "1", url=box.url, cwd=tmp_path)
    command = f"{GAMEBALL} ledger show events.jsonl.ledger --json | head -c 1; exit $?"
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, check=False, timeout=30
    )
    assert (done.stdout, done.stderr) == (b"{", b"")


def test_without_the_extra_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['cyclopts'] = None; from gameball.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "gameball: cyclopts is missing: pip install 'gameball-client[cli]'\n"


@pytest.mark.parametrize("command", ["sandbox", "demo"])
def test_without_the_extra_of_the_sandbox_it_says_what_to_install(command: str) -> None:
    code = (
        "import sys; sys.modules['uvicorn'] = None;"
        f"from gameball.cli.app import run; sys.exit(run(['{command}']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "gameball: uvicorn is missing: pip install 'gameball-client[sandbox]'\n"


def test_the_sandbox_says_when_its_port_is_taken(box: Sandbox) -> None:
    done = gameball("sandbox", "--port", box.url.rpartition(":")[2])
    assert done.code == 2
    assert "try --port 0" in done.err


def test_rate_limits_and_pairs_are_read() -> None:
    limits = parse_rate_limits(("100/1,5/0.5", "7/30"))
    assert limits is not None
    assert [(limit.requests, limit.seconds) for limit in limits] == [(100, 1.0), (5, 0.5), (7, 30.0)]
    assert parse_rate_limits(("none",)) is None
    assert parse_pairs(("a=b, c = d",), "--map") == {"a": "b", "c": "d"}


def test_without_a_terminal_there_is_a_line_now_and_then(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 40)
    with Sandbox(latency=0.25) as box:
        words = ("send", "events.jsonl", "--max-objects", "1", "--json")
        process = begin(*words, url=box.url, cwd=tmp_path)
        begun = time.monotonic()
        out, err = (text.decode() for text in process.communicate(timeout=30))
    assert process.returncode == 0
    assert time.monotonic() - begun > 2
    assert json.loads(out)["sources"][0]["events"]["accepted"] == 40
    assert re.fullmatch(r"(events\.jsonl: \d+% done, [0-9]+ accepted, [0-9]+ events/s\n)+", err)

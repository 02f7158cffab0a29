"""The ``gameball`` command as a whole: help, exit codes, keys, jobs, and the smaller commands."""

import gzip
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command import GAMEBALL, environment, gameball, shell, write_events

from gameball import Event, Gameball
from gameball.cli import app
from gameball.cli.ledger.app import LEDGER_EXAMPLES
from gameball.sandbox import Fault, Sandbox

EXAMPLES = {**app.EXAMPLES, **LEDGER_EXAMPLES}
COMMANDS = ["", *sorted({*EXAMPLES, "job", "ledger"})]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_description(command: str) -> None:
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
            assert "[default: " in text or "[required]" in text, option


@pytest.mark.parametrize("command", sorted(EXAMPLES))
def test_the_examples_of_the_help_work(command: str, tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 30)
    (tmp_path / "users.csv").write_text(
        "user_id,action,amount,at\nc1,bought,2.5,2026-11-23T10:00:00Z\nc2,bought,3,2026-11-23T10:00:00+02:00\n"
    )
    subprocess.run(["gzip", "--keep", "events.jsonl"], cwd=tmp_path, check=True)
    for folder in ("events", "more", "parts"):
        (tmp_path / folder).mkdir()
    for number, name in enumerate("ab"):
        write_events(tmp_path / "parts" / f"{name}.jsonl", 1_000, start=1_000 * number + 200)
    write_events(tmp_path / "events" / "new.jsonl", 10, start=100)
    (tmp_path / "more" / "new.csv.gz").write_bytes(gzip.compress(b"customer_id,name\nc1,liked\n"))
    make_parquet = (
        "import pyarrow, pyarrow.parquet as p;"
        "p.write_table(pyarrow.table({'customer_id': ['a', 'b'], 'name': ['x', 'y']}), 'events.parquet');"
        "like = pyarrow.table({'customer_id': ['a'], 'name': ['x'], 'like_id': [1]});"
        "p.write_table(like, 'likes/1.parquet')"
    )
    (tmp_path / "likes").mkdir()
    subprocess.run([sys.executable, "-c", make_parquet], cwd=tmp_path, check=True)
    with Sandbox(job_seconds=0.0) as box:
        with Gameball("key", "secret", base_url=box.url) as client:
            for number in range(2):
                client.events.send([Event(f"c{number}", "x")])
        if command in {"ledger show", "ledger rebind"}:
            assert gameball("send", "events.jsonl", url=box.url, cwd=tmp_path).code == 0
        if command == "ledger resolve":
            write_events(tmp_path / "events.jsonl", 2_000)
            for words in (("events.jsonl",), ("parts", "--ledger", "parts.ledger")):
                box.fail_next(Fault(), Fault(status=500))
                assert gameball("send", *words, "--concurrency", 1, url=box.url, cwd=tmp_path).code == 4
        for example in EXAMPLES[command]:
            if command == "sandbox":
                _ends_by_interrupt(example, environment(box.url), tmp_path)
                continue
            done = shell(example, url=None if command == "demo" else box.url, cwd=tmp_path)
            # Some of the bundled events fail in their jobs.
            assert (done.code, done.problems) == (3 if command == "demo" else 0, ""), example


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
        (["send", "events.jsonl", "--rejects", "events.jsonl"], "is the source: use another file"),
        (["send", "events.jsonl", "--map", "customer_id"], "is not a pair"),
        (["send", "events.jsonl", "--map", "a=b,a=c"], "names a twice"),
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
def test_a_usage_error_is_one_line_and_nothing_is_sent(
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


@pytest.mark.parametrize("words", [("send", "events.jsonl"), ("job", "status", "1")])
def test_no_error_shows_a_key(words: tuple[str, ...], box: Sandbox, tmp_path: Path) -> None:
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


def completion_script(shell: str, home: Path) -> Path:
    home.mkdir()
    assert gameball("--install-completion", "--shell", shell, HOME=str(home), cwd=home).code == 0
    (script,) = [path for path in home.rglob("*gameball*") if path.is_file()]
    return script


def test_bash_completes_commands_and_file_names(tmp_path: Path) -> None:
    script = completion_script("bash", tmp_path / "home")
    write_events(tmp_path / "events.jsonl", 1)

    def completed(words: str) -> list[str]:
        code = f"""source {script}
            set -- $(complete -p gameball); while [ "$1" != -F ]; do shift; done
            COMP_WORDS=({words} ""); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
            $2 gameball "" {words.rsplit(maxsplit=1)[-1]}; printf '%s\\n' "${{COMPREPLY[@]}}" """
        done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
        return done.stdout.split()

    assert "send" in completed("gameball")
    assert "events.jsonl" in completed("gameball send")
    assert "events.jsonl" in completed("gameball send --ledger")


def test_zsh_completes_file_names(tmp_path: Path) -> None:
    script = completion_script("zsh", tmp_path / "home").read_text()
    assert re.search(r"'\*:Files, folders.*:_files'", script), script


def test_a_closed_pipe_is_not_an_error(box: Sandbox, tmp_path: Path) -> None:
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

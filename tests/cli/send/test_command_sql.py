"""``gameball send --sql``, and queries and Parquet files that are killed in the middle."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command import begin, gameball, rejects
from repetitions import repetitions
from waiting import LONGEST

from gameball.sandbox import Fault, Sandbox

QUERY = "SELECT user AS customer_id, 'bought' AS name, n FROM '*.parquet' WHERE n % 2 = 0 ORDER BY n"
FAST = ("--rate-limit", "none")


def write_table(folder: Path, count: int) -> Path:
    path = folder / "orders.parquet"
    pq.write_table(pa.table({"user": [f"u{n}" for n in range(count)], "n": list(range(count))}), path)
    return path


def test_a_query_is_sent_and_its_ledger_knows_it(box: Sandbox, tmp_path: Path) -> None:
    write_table(tmp_path, 5_000)
    words = ("send", "--sql", QUERY, "--ledger", "orders.ledger", *FAST)
    for requests in (3, 3):
        done = gameball(*words, "--json", url=box.url, cwd=tmp_path)
        assert (done.code, done.source["events"]["accepted"]) == (0, 2_500)
        assert len(box.batches) == requests
    assert sum(box.events.values()) == 2_500
    assert box.events["u4998", "bought", '{"n":4998}'] == 1
    other = gameball(*words[:2], QUERY.replace("BY n", "BY n + 0"), *words[3:], url=box.url, cwd=tmp_path)
    assert other.code == 2
    assert other.err.startswith("gameball: the ledger records another query or source: use another ledger")
    assert b"u4998" not in (tmp_path / "orders.ledger").read_bytes()
    shown = gameball("ledger", "show", "orders.ledger", cwd=tmp_path)
    assert shown.out.startswith("orders.ledger: a query\n")
    unsent = gameball("ledger", "show", "orders.ledger", "--unsent", cwd=tmp_path)
    assert "orders.ledger records a query: to get the rows" in unsent.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "there is nothing to send: name a SOURCE, or give a query with --sql"),
        (("--sql", QUERY), "--sql needs --ledger FILE or --no-ledger, because a query has no file"),
        (("--sql", "", "--ledger", "x.ledger"), "the query is empty"),
        (("orders.parquet", "--sql", QUERY), "--sql and a SOURCE cannot be used together"),
        (("--sql", QUERY, "--format", "csv"), "--sql and --format cannot be used together"),
        (("--sql", QUERY[:-11], "--ledger", "x.ledger"), "the query may return its rows in another order"),
        (
            ("--sql", QUERY[:-11], "--no-ledger", "--any-order", "--rejects", "r.jsonl"),
            "--rejects executes the query again to find its rows, so the query needs an ORDER BY",
        ),
    ],
)
def test_what_cannot_be_sent_is_a_usage_error(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    write_table(tmp_path, 10)
    done = gameball("send", *words, url="http://127.0.0.1:9", cwd=tmp_path)
    assert done.code == 2
    assert done.err.startswith(f"gameball: {said}")
    assert not list(tmp_path.glob("x.ledger*"))


def test_a_query_in_any_order_is_sent_if_that_is_accepted(box: Sandbox, tmp_path: Path) -> None:
    write_table(tmp_path, 3_000)
    words = ("--sql", QUERY[:-11], "--any-order", "--ledger", "orders.ledger", *FAST)
    assert gameball("send", *words, url=box.url, cwd=tmp_path).code == 0
    assert sum(box.events.values()) == 1_500


def test_rows_of_a_query_that_were_not_accepted_are_its_rejects(box: Sandbox, tmp_path: Path) -> None:
    write_table(tmp_path, 5_000)
    box.fail_next(Fault(status=400))
    words = ("--sql", QUERY, "--no-ledger", "--rejects", "r.jsonl", "--concurrency", "1", *FAST)
    done = gameball("send", *words, url=box.url, cwd=tmp_path)
    assert done.code == 3
    assert [reject["line"] for reject in rejects(tmp_path / "r.jsonl")] == list(range(1, 1_001))


@pytest.mark.repeated
@pytest.mark.parametrize("kind", ["parquet", "sql"])
@pytest.mark.parametrize("number", range(repetitions(1)))
def test_after_a_kill_the_same_command_loses_nothing_and_sends_nothing_twice(
    kind: str, number: int, tmp_path: Path
) -> None:
    path = write_table(tmp_path, 40_000)
    words = ["--sql", QUERY] if kind == "sql" else [path, "--map", "customer_id=user", "--map", "name=user"]
    words += ["--ledger", "orders.ledger", "--on-unknown", "report", "--keep-going", *FAST]
    with Sandbox(latency=(0.0, 0.05)) as box:
        requests = random.Random(f"{kind}{number}").randint(2, 15)
        process = begin("send", *words, url=box.url, cwd=tmp_path)
        box.wait_for(lambda: len(box.batches) >= requests, LONGEST)
        process.kill()
        process.communicate()
        done = gameball("send", *words, "--json", url=box.url, cwd=tmp_path)
        events = done.source["events"]
        count = 20_000 if kind == "sql" else 40_000
        assert events["accepted"] + events["unknown"] == count
        assert max(box.events.values()) == 1
        # What is unknown may have been accepted. Everything else was, once.
        assert count - events["unknown"] <= len(box.events) <= count
        assert done.code == (4 if events["unknown"] else 0)

"""Files of rejects: what was there before is kept, and so is what its ledger knows."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from gameball import Event, Gameball, Ledger, Outcome
from gameball.cli.rejects import Reject, RejectsFile, beside, encode_reject, keep_aside
from gameball.sandbox import Sandbox
from gameball.sources import Row


def test_rejects_that_were_sent_are_set_aside_with_their_ledger(box: Sandbox, tmp_path: Path) -> None:
    # The ledger's write-ahead log stayed behind once, and the same lines were sent again with exit code 0.
    rejects = tmp_path / "rejects.jsonl"
    rejects.write_text("corrected")
    with Gameball("key", "secret", base_url=box.url) as client:
        client.events.send([Event("a", "x")], ledger=beside(rejects))
    keep_aside(rejects)
    aside = tmp_path / "rejects.jsonl.1"
    assert aside.read_text() == "corrected"
    with Ledger(beside(aside)) as ledger:
        assert [chunk.outcome for chunk in ledger.chunks()] == [Outcome.ACCEPTED]
    assert sorted(file.name for file in tmp_path.iterdir()) == [aside.name, beside(aside).name]


def test_rejects_that_somebody_is_sending_stay_and_the_new_ones_get_another_name(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    path.write_text("being sent")
    with Ledger(beside(path)):
        with RejectsFile(path) as rejects:
            rejects.lines = 1
        assert path.read_text() == "being sent"
        assert beside(path).exists()
    assert rejects.path == tmp_path / "rejects.jsonl.1"
    assert rejects.path.exists()


def test_two_commands_with_rejects_of_one_name_keep_both(tmp_path: Path) -> None:
    path = tmp_path / "rejects.jsonl"
    with RejectsFile(path) as one, RejectsFile(path) as other:
        one.lines = other.lines = 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["rejects.jsonl", "rejects.jsonl.1"]


@pytest.mark.parametrize("depth", [200, 253, 254, 255, 500, 1000])
def test_a_row_of_any_depth_can_be_written_to_the_rejects(depth: int) -> None:
    nested: Any = 1
    for _ in range(depth):
        nested = [nested]
    row = Row(7, 0, {"customer_id": "a", "name": "x", "metadata": {"deep": nested}}, None, "is refused")
    written = encode_reject(Reject(row, "invalid", "is refused", None), "events.jsonl")
    mark = orjson.loads(written)["_rejected"]
    assert (mark["line"], mark["reason"]) == (7, "is refused")

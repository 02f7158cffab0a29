"""What the command writes: nothing in it can act on a terminal."""

import io
import json
import re
import sys
from pathlib import Path

import pytest
from command import gameball
from hypothesis import given
from hypothesis import strategies as st

from gameball.cli.output import as_document, escape, write_lines
from gameball.sandbox import Fault, Sandbox

# Writes to the clipboard, in the form for a terminal of 8 bits and in the usual one.
CLIPBOARD = "\x9d52;c;ZXZpbA==\x9c\x1b]52;c;ZXZpbA==\x07"
ACTS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


@given(st.text())
def test_escaped_text_has_no_control_character_and_other_text_stays(text: str) -> None:
    assert not ACTS.search(escape(text))
    assert escape(text).encode() or not text
    if text.isprintable():
        assert escape(text) == text


@given(st.dictionaries(st.text(), st.text()))
def test_a_json_report_has_no_control_character_and_loses_nothing(report: dict[str, str]) -> None:
    assert not ACTS.search(as_document(report))
    assert as_document(report).encode()
    assert json.loads(as_document(report)) == report


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_what_a_server_sends_cannot_act_on_the_terminal(
    words: tuple[str, ...], box: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / f"a{CLIPBOARD}.jsonl"
    path.write_text('{"customer_id": "c", "name": "n"}\n')
    message = json.dumps({"message": f"no{CLIPBOARD}", "requestId": CLIPBOARD, "code": 3016}).encode()
    box.fail_next(Fault(status=400, body=message))
    done = gameball("send", path, *words, url=box.url)
    assert done.code == 3
    assert "ZXZpbA==" in done.out
    assert not ACTS.search(done.out + done.err)
    box.fail_next(Fault(status=400, body=message))
    status = gameball("job", "status", 1, *words, url=box.url)
    shown = gameball("ledger", "show", f"{path}.ledger", *words)
    assert not ACTS.search(status.out + status.err + shown.out + shown.err)
    assert "ZXZpbA==" in status.out
    assert "ZXZpbA==" in shown.out


def test_what_a_file_contains_cannot_act_on_the_terminal(box: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"customer_id,name,{CLIPBOARD}\nc,n,1\n,n,1\n", newline="")
    done = gameball("send", path, "--types", f"{CLIPBOARD}=int", "--map", f"name={CLIPBOARD}x", url=box.url)
    assert not ACTS.search(done.out + done.err)
    missing = gameball("send", path, url=box.url)
    assert not ACTS.search(missing.out + missing.err)
    absent = gameball("send", f"{CLIPBOARD}.csv", url=box.url)
    assert absent.code == 2
    assert not ACTS.search(absent.out + absent.err)


def test_an_ascii_terminal_shows_escapes(box: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "é.jsonl"
    path.write_text('{"customer_id": "c", "name": "n"}\n')
    done = gameball("send", path, url=box.url, PYTHONIOENCODING="ascii")
    assert (done.code, done.problems) == (0, "")
    assert "\\xe9.jsonl: 1 event" in done.out


def test_lines_are_flushed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw))
    write_lines(["one", "two"])
    assert raw.getvalue() == b"one\ntwo\n"

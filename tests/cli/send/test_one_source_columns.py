"""Columns, types and limits of ``gameball send``."""

from pathlib import Path

import orjson
import pytest
from command import gameball, write_events

from gameball.sandbox import Sandbox


def sent(box: Sandbox) -> list[tuple[str, str, object]]:
    return sorted((one, name, orjson.loads(metadata)) for one, name, metadata in box.events.elements())


def test_nested_columns_choices_and_constants_work_together(box: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"user": {"id": 7, "email": "a@example.com"}, "n": 1, "internal": true}\n')
    words = ("--map", "customer_id=user.id", "--set", "name=purchase", "--drop", "internal,user.email")
    done = gameball("send", source, *words, url=box.url)
    assert done.code == 0, done.out
    assert sent(box) == [("7", "purchase", {"n": 1})]
    # The id was an integer, which is told once.
    assert done.out.count("Customer ids that are integers are sent as text") == 1


def test_the_type_text_for_customer_ids_omits_the_note_in_every_format(box: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"customer_id": 7, "name": "liked"}\n')
    done = gameball("send", source, "--types", "customer_id=text", url=box.url)
    assert done.code == 0
    assert "integers" not in done.out
    assert sent(box) == [("7", "liked", {})]


def test_an_id_with_leading_zeros_is_never_changed(box: Sandbox, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("customer_id,name\n007,liked\n")
    refused = gameball("send", source, "--types", "customer_id=int", url=box.url)
    assert refused.code == 3
    assert (
        "customer_id is not in the usual form of an integer; the type text sends it as it is" in refused.out
    )
    assert gameball("send", source, "--types", "customer_id=text", url=box.url).code == 0
    assert sent(box) == [("007", "liked", {})]


def test_with_a_limit_the_first_rows_are_sent_and_without_it_the_others(box: Sandbox, tmp_path: Path) -> None:
    source = write_events(tmp_path / "a.jsonl", 1_000)
    first = gameball("send", source, "--limit", 250, "--json", url=box.url)
    assert first.code == 0
    assert (first.source["limited_to"], box.events.total()) == (250, 250)
    shown = gameball("send", source, "--limit", 250, url=box.url).out
    assert "limited to its first 250 rows" in shown
    rest = gameball("send", source, url=box.url)
    assert rest.code == 0, rest.out
    assert box.events.total() == 1_000
    assert set(box.events.values()) == {1}


def test_a_limit_within_a_recorded_request_is_refused_with_its_cure(box: Sandbox, tmp_path: Path) -> None:
    source = write_events(tmp_path / "a.jsonl", 1_000)
    assert gameball("send", source, url=box.url).code == 0
    done = gameball("send", source, "--limit", 10, url=box.url)
    assert done.code == 2
    assert "use a larger limit, or none" in done.out + done.err
    assert box.events.total() == 1_000


def test_a_configuration_file_knows_the_options_for_columns(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "customer_id,name,city,email\nc,liked,Cairo,a@example.com\nd,liked,Giza,b\n"
    )
    (tmp_path / "feed.toml").write_text('source = "a.csv"\ndrop = ["email"]\nlimit = 1\n')
    done = gameball("send", "--config", "feed.toml", url=box.url, cwd=tmp_path)
    assert done.code == 0, done.err
    assert sent(box) == [("c", "liked", {"city": "Cairo"})]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--select", "a", "--drop", "b"), "both selected and dropped"),
        (("--limit", "0"), "at least 1 row"),
        (("--drop", "customer_id"), "events need it"),
    ],
)
def test_options_for_columns_that_contradict_each_other_are_refused(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    write_events(tmp_path / "a.jsonl", 1)
    done = gameball("send", "a.jsonl", *words, cwd=tmp_path)
    assert done.code == 2
    assert said in done.err

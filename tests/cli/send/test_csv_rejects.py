"""Rejects of a CSV file come back as rows of CSV that can be corrected in place and sent."""

from pathlib import Path

import pytest
from command import gameball
from source_files import COMPRESS

from gameball.sandbox import Fault, Sandbox

HEADER = "customer_id;name;n;note\n"
WORDS = ("--types", "n=int", "--delimiter", ";", "--max-objects", 2, "--concurrency", 1)


def test_a_broken_row_is_kept_with_its_reason_and_is_sent_once_it_is_corrected(
    box: Sandbox, tmp_path: Path
) -> None:
    source, rejects = tmp_path / "a.csv", tmp_path / "r.csv"
    source.write_text(HEADER + 'c1;liked;1;"some; words"\nc2;liked;two;"a; b"\nc3;liked\nc4;liked;4;\n')
    done = gameball("send", source, *WORDS, "--skip-invalid", "--rejects", rejects, url=box.url)
    assert done.code == 3, done.err
    lines = rejects.read_text().splitlines()
    assert lines[0] == HEADER.strip() + ";_rejected"
    assert lines[1].startswith('c2;liked;two;"a; b";')
    assert "line 3" in lines[1]
    assert "n is not an integer" in lines[1]
    assert lines[2].startswith("c3;liked;")
    # Only the cells are corrected. The reason may stay.
    corrected = rejects.read_text().replace(";two;", ";2;").replace("c3;liked;", "c3;liked;3;;")
    rejects.write_text(corrected)
    assert gameball("send", rejects, *WORDS, url=box.url).code == 0
    assert sorted((customer, metadata) for customer, _, metadata in box.events.elements()) == [
        ("c1", '{"n":1,"note":"some; words"}'),
        ("c2", '{"n":2,"note":"a; b"}'),
        ("c3", '{"n":3,"note":""}'),
        ("c4", '{"n":4,"note":""}'),
    ]


def test_rows_that_may_have_been_accepted_are_not_sent_again_unless_it_is_asked_for(
    box: Sandbox, tmp_path: Path
) -> None:
    source, rejects = tmp_path / "a.csv", tmp_path / "r.csv"
    source.write_text(HEADER + "".join(f"c{number};liked;{number};\n" for number in range(6)))
    box.fail_next(Fault(), Fault(status=500, accepts=True))
    words = (*WORDS, "--keep-going", "--rejects", rejects)
    assert gameball("send", source, *words, url=box.url).code == 4
    assert [line.rpartition(";")[2].partition(":")[0] for line in rejects.read_text().splitlines()[1:]] == [
        "unknown",
        "unknown",
    ]
    before = box.events.total()
    refused = gameball("send", rejects, *WORDS, "--no-ledger", url=box.url)
    assert refused.code == 3
    assert "may have been accepted already" in refused.out
    assert box.events.total() == before
    resent = gameball("send", rejects, *WORDS, "--no-ledger", "--on-unknown", "resend", url=box.url)
    assert resent.code == 0
    assert box.events.total() == before + 2


def test_line_feeds_in_cells_and_windows_line_endings_are_kept(box: Sandbox, tmp_path: Path) -> None:
    source, rejects = tmp_path / "a.csv", tmp_path / "r.csv"
    source.write_bytes(b'customer_id,name,n\r\n,liked,"two\r\nlines"\r\nc2,liked,1\r\n')
    words = ("--skip-invalid", "--rejects", rejects)
    assert gameball("send", source, *words, url=box.url).code == 3
    assert rejects.read_bytes().startswith(b'customer_id,name,n,_rejected\r\n,liked,"two\r\nlines",')


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("a.jsonl", (), "the source is not"),
        ("a.csv", ("--no-header",), "--no-header has none"),
        ("a.tsv", (), "use a name ending in .tsv"),
    ],
)
def test_rejects_that_could_not_be_read_like_their_source_are_refused_before_anything_is_sent(
    box: Sandbox, tmp_path: Path, name: str, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / name).write_text("customer_id,name\nc,liked\n")
    done = gameball("send", name, *words, "--rejects", "r.csv", url=box.url, cwd=tmp_path)
    assert done.code == 2
    assert said in done.err
    assert not box.batches


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz"])
def test_rejects_of_a_compressed_file_with_tabs_have_tabs(box: Sandbox, tmp_path: Path, ending: str) -> None:
    content = b"customer_id\tname\tn\nc\tliked\tone\n"
    (tmp_path / f"a.tsv{ending}").write_bytes(COMPRESS[ending](content))
    words = ("--types", "n=int", "--skip-invalid", "--rejects", "r.tsv")
    assert gameball("send", f"a.tsv{ending}", *words, url=box.url, cwd=tmp_path).code == 3
    assert (tmp_path / "r.tsv").read_text().startswith("customer_id\tname\tn\t_rejected\nc\tliked\tone\t")

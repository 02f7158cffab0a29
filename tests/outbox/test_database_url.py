"""No part of a password is shown, whatever the URL looks like."""

import io
import traceback
from contextlib import suppress
from typing import Any, NoReturn

import pytest
from rich.pretty import pretty_repr
from sqlalchemy import create_engine

from gameball.cli import app
from gameball.cli.exit_codes import ExitCode
from gameball.cli.outbox.commands import open_outbox
from gameball.errors import OutboxError
from gameball.outbox import Outbox

INVALID = [
    "hunter-2",
    "postgresql+psycopg://me:hunter-2@localhost:54x2/shop",
    "postgresql+psycopg://me@localhost:hunter-2/shop",
    "postgresql+psycopg://me:a@hunter-2@localhost/shop",
    "postgresql+psycopg://me:a@b/hunter-2@localhost/shop",
    "postgresql+psycopg:me:hunter-2@localhost/shop",
    "postgresql+hunter-2://me@localhost/shop",
    "hunter-2://me@localhost/shop",
    "sqlite://me:hunter-2@/shop.db",
    "mysql://me:hunter-2@localhost/shop",
]
#: Nobody listens there, so that each fails when it connects.
pytestmark = pytest.mark.usefixtures("log")

UNREACHABLE = [
    "postgresql+psycopg://me:hunter-2@127.0.0.1:1/shop",
    "postgresql+psycopg://me@127.0.0.1:1/shop?password=hunter-2",
    "postgresql+psycopg://127.0.0.1:1/shop?user=me&password=hunter-2",
    "postgresql+psycopg://me:hunter-2%40@127.0.0.1:1/shop",
    "postgresql+psycopg://me@127.0.0.1:1/shop?sslpassword=hunter-2",
    "postgresql+psycopg://me@127.0.0.1:1/shop?connect_timeout=hunter-2&password=hunter-2",
    "postgresql+psycopg://me@127.0.0.1:1/shop?passwort=hunter-2",
]


def shown_by(error: BaseException, *hidden: str) -> str:
    """Return an exception in every form, with the locals of all frames but the test's own.

    Frames of files whose path contains one of the other arguments are left out, too.
    """
    parts = traceback.format_exception(error)
    current: BaseException | None = error
    while current is not None:
        parts += [repr(current), str(current)]
        for frame, _ in traceback.walk_tb(current.__traceback__):
            if not any(part in frame.f_code.co_filename for part in (__file__, *hidden)):
                for value in frame.f_locals.values():
                    with suppress(AttributeError):  # an object that is being constructed
                        parts += [repr(value), pretty_repr(value)]
        current = current.__cause__ or current.__context__
    return "\n".join(parts)


@pytest.mark.parametrize("url", INVALID)
@pytest.mark.parametrize("how", ["argument", "environment"])
def test_an_invalid_url_is_refused_without_its_password(
    url: str, how: str, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAMEBALL_OUTBOX_DATABASE", url)
    with pytest.raises(ValueError, match="outbox") as raised:
        Outbox(url) if how == "argument" else open_outbox(None, None)
    assert "hunter" not in shown_by(raised.value) + log.getvalue()


CONNECTING = ["status", "show", "resolve --all --as accepted"]


@pytest.mark.parametrize(
    ("command", "url"),
    [
        *((command, url) for command in (*CONNECTING, "run", "schema") for url in (INVALID[1], INVALID[-1])),
        *((command, UNREACHABLE[0]) for command in CONNECTING),
    ],
)
@pytest.mark.parametrize("how", ["option", "environment"])
def test_the_command_does_not_show_the_password(
    url: str, how: str, command: str, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "environment":
        monkeypatch.setenv("GAMEBALL_OUTBOX_DATABASE", url)

    def report(error: BaseException, _: object) -> NoReturn:
        raise error

    monkeypatch.setattr(app, "_report", report)
    with pytest.raises((OutboxError, ValueError), match="outbox") as raised:
        app.run(["outbox", *command.split(), "--debug", *(["--database", url] if how == "option" else [])])
    # The command line is in the frames of what parses it, and in the lists of processes.
    parsers = () if how == "environment" else (app.__file__, "cyclopts")
    assert "hunter" not in shown_by(raised.value, *parsers) + log.getvalue()


@pytest.mark.parametrize(
    "words",
    [
        ["status", "postgresql+psycopg://me:hunter-2@localhost/shop"],
        ["status", "postgresql+psycopg://me:a@hunter-2@localhost/shop"],
        ["status", "postgresql+psycopg://localhost/shop?user=me&Password=hunter-2&x=1"],
        ["resolve", "postgresql+psycopg://me:hunter-2@localhost/shop", "--as", "accepted"],
        ["status", "--database", "postgresql+psycopg://me:hunter-2@localhost:x/shop"],
        ["--database=postgresql+psycopg://me:hunter-2@localhost/shop"],
    ],
)
def test_a_password_in_a_wrong_place_is_not_printed(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["outbox", *words, "--json"]) == ExitCode.USAGE
    shown = capsys.readouterr()
    assert shown.err.startswith("gameball: ")
    assert "hunter" not in shown.out + shown.err


@pytest.mark.parametrize("url", UNREACHABLE)
def test_a_database_that_cannot_be_reached_does_not_show_its_password(url: str, log: io.StringIO) -> None:
    with Outbox(url) as outbox:
        parts = [repr(outbox), pretty_repr(outbox), repr(outbox.engine)]
        for function in (outbox.status, outbox.create, lambda: list(outbox.failed())):
            with pytest.raises(Exception, match="outbox's database failed") as raised:
                function()
            parts.append(shown_by(raised.value))
    # An option that SQLAlchemy does not know is shown by its own repr.
    assert "hunter" not in "".join(parts[:2] + parts[3:]) + log.getvalue()
    if "?password=" in url or ("@127" in url and "?" not in url):
        assert "hunter" not in parts[2]


def test_the_password_of_an_engine_is_not_shown() -> None:
    engine: Any = create_engine("postgresql+psycopg://me@127.0.0.1:1/shop?password=hunter-2")
    outbox = Outbox(engine)
    with pytest.raises(Exception, match="outbox's database failed") as raised:
        outbox.status()
    assert "hunter" not in repr(outbox) + shown_by(raised.value)


def test_an_at_sign_in_a_password_is_explained() -> None:
    with pytest.raises(ValueError, match="write @ in a password as %40"):
        Outbox("postgresql+psycopg://me:a@b@localhost/shop")


def test_a_path_of_sqlite_may_contain_an_at_sign() -> None:
    assert Outbox("sqlite:////home/a@b/shop.db").engine.url.database == "/home/a@b/shop.db"

"""The URL of an outbox's database: read, checked, and shown without any part of a password. No I/O."""

from typing import Final

from sqlalchemy.engine import URL, make_url

from gameball.outbox.schema import check_dialect

#: The least length of a password that is replaced in messages: a shorter one would be part of common words.
_SHORTEST_HIDDEN: Final = 4
_HIDDEN: Final = "***"
_INVALID: Final = "the URL of the outbox's database is not valid"


def read_url(url: str | URL) -> URL:
    """Return a URL that an outbox can use.

    Neither the error nor the locals of its frames hold any part of the URL.

    Raises:
        ValueError: It is not valid, or it is neither SQLite in a file nor PostgreSQL.
    """
    read = _parse(url)
    del url
    if read is None:
        raise ValueError(_INVALID)
    problem = _problem(read)
    if problem is not None:
        del read
        raise ValueError(problem)
    return read


def _parse(url: str | URL) -> URL | None:
    try:
        read = make_url(url)
        password = read.query.get("password")
        if isinstance(password, str):
            # The driver takes it from the query as well, but only here does SQLAlchemy hide it.
            read = read.set(password=password).difference_update_query(["password"])
    except Exception:  # noqa: BLE001 - whatever it is, its message may quote a part of the URL
        return None
    return read


def _problem(url: URL) -> str | None:
    name = url.get_backend_name()
    if not name.isidentifier():
        return _INVALID
    try:
        check_dialect(name)
    except ValueError as error:
        return str(error)
    if name == "sqlite":
        if url.database in {None, "", ":memory:"}:
            return "an outbox in SQLite needs a file, because it is shared with the deliverer"
        if url.host or url.username or url.password:
            return f"{_INVALID}: a SQLite URL has three slashes, or four for an absolute path"
    elif "@" in f"{url.host}{url.database}":
        # The part after the first @ of a password was read as the host.
        return f"{_INVALID}: write @ in a password as %40"
    return None


def show_url(url: URL) -> str:
    """Return a URL without its password, and without its query, which may hold one."""
    return url.set(password=None, query={}).render_as_string(hide_password=True)


def hide_secrets(text: str, url: URL) -> str:
    """Return a message of a driver without the password of a URL, wherever in the URL it is."""
    secrets = {str(url.password or "")}
    for name, value in url.query.items():
        if "pass" in name.lower():
            secrets.update([value] if isinstance(value, str) else value)
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_HIDDEN:
            text = text.replace(secret, _HIDDEN)
    return text

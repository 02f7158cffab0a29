"""The option ``--database``: a URL, which may hold a password. It imports nothing that takes long."""

from collections.abc import Sequence
from typing import Annotated

from attrs import field, frozen
from cyclopts import Parameter, Token


@frozen
class DatabaseUrl:
    """The URL of the command line, wrapped at once: a traceback may be shown with the locals of its frames.

    Attributes:
        url: The URL. No repr shows it.
    """

    url: str = field(repr=False)


def _wrap(_: type, tokens: Sequence[Token]) -> DatabaseUrl:
    return DatabaseUrl(tokens[0].value)


DatabaseOption = Annotated[
    DatabaseUrl | None,
    Parameter(
        name="--database",
        metavar="URL",
        help="URL of the database: sqlite:///FILE or postgresql+psycopg://...",
        show_default=lambda _: "GAMEBALL_OUTBOX_DATABASE",
        converter=_wrap,
        accepts_keys=False,
        n_tokens=1,
    ),
]

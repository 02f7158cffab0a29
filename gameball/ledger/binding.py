"""What a ledger is bound to: the account, and the settings that decide how events are divided into chunks."""

import os
import shlex
from collections.abc import Callable, Mapping

from gameball.errors import LedgerMismatchError


def settings_for_run(
    path: str | os.PathLike[str],
    known: Mapping[str, str],
    given: Mapping[str, str],
    account: Callable[[str], str],
) -> dict[str, str]:
    """Return the settings of a run, which must agree with those that a ledger is bound to.

    Args:
        path: The path of the ledger, for errors.
        known: The settings that the ledger is bound to, by name; empty if it is not bound.
        given: The settings of the run, by name, without those of the account.
        account: Returns a hash that identifies the account, given a salt.

    Returns:
        The settings, with the salt and the hash of the account.

    Raises:
        LedgerMismatchError: The ledger is bound to another key or to other settings.
    """
    salt = known.get("salt") or os.urandom(16).hex()
    settings = {**given, "salt": salt, "account": account(salt)}
    if known.get("account", settings["account"]) != settings["account"]:
        raise LedgerMismatchError(
            f"the ledger {path} was started with another API key, so its records do not apply to "
            "this account; use the same key or another ledger. If the key of the account was rotated: "
            f"gameball ledger rebind {shlex.quote(str(path))}"
        )
    for name, value in settings.items():
        # A slash at the end of a URL changes nothing.
        if known.get(name, value).rstrip("/") != value.rstrip("/"):
            raise LedgerMismatchError(
                f"the ledger {path} was started with {name}={known[name]}, but this send has "
                f"{name}={value}; use the same value or another ledger"
            )
    return settings

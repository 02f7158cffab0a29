import pytest

from gameball import LedgerMismatchError
from gameball.ledger.binding import settings_for_run

GIVEN = {"max_objects": "1000", "url": "https://api.gameball.co"}


def account_of(key: str, salt: str) -> str:
    return f"{key} with {salt}"


def test_a_ledger_that_is_not_bound_takes_any_settings_and_gets_a_salt() -> None:
    first = settings_for_run("a.ledger", {}, GIVEN, lambda salt: account_of("one", salt))
    second = settings_for_run("a.ledger", {}, GIVEN, lambda salt: account_of("one", salt))
    assert {name: first[name] for name in GIVEN} == GIVEN
    assert first["account"] == account_of("one", first["salt"])
    assert first["salt"] != second["salt"]


def test_a_bound_ledger_keeps_its_salt_for_the_same_key_and_settings() -> None:
    bound = settings_for_run("a.ledger", {}, GIVEN, lambda salt: account_of("one", salt))
    assert settings_for_run("a.ledger", bound, GIVEN, lambda salt: account_of("one", salt)) == bound


def test_a_bound_ledger_refuses_another_key_and_names_the_command_for_a_rotated_one() -> None:
    bound = settings_for_run("my events.ledger", {}, GIVEN, lambda salt: account_of("one", salt))
    with pytest.raises(LedgerMismatchError, match="gameball ledger rebind 'my events.ledger'"):
        settings_for_run("my events.ledger", bound, GIVEN, lambda salt: account_of("two", salt))


def test_a_bound_ledger_refuses_another_setting_and_names_both_values() -> None:
    bound = settings_for_run("a.ledger", {}, GIVEN, lambda salt: account_of("one", salt))
    with pytest.raises(LedgerMismatchError, match="max_objects=1000, but this send has max_objects=500"):
        settings_for_run(
            "a.ledger", bound, {**GIVEN, "max_objects": "500"}, lambda salt: account_of("one", salt)
        )

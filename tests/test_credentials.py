"""Where the keys are read from, and which are rejected."""

import pytest

from gameball import (
    AsyncGameball,
    AuthenticationError,
    Credentials,
    DeliveryError,
    Event,
    Gameball,
    MissingCredentialsError,
)
from gameball.sandbox import Sandbox

CLIENTS = pytest.mark.parametrize("kind", [Gameball, AsyncGameball])
Kind = type[Gameball] | type[AsyncGameball]


@CLIENTS
def test_keys_come_from_the_argument_and_then_from_the_environment(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingCredentialsError, match="pass api_key=... or set GAMEBALL_API_KEY"):
        kind()
    with pytest.raises(MissingCredentialsError, match="GAMEBALL_SECRET_KEY"):
        kind("only-one")
    monkeypatch.setenv("GAMEBALL_API_KEY", " from-environment\n")
    monkeypatch.setenv("GAMEBALL_SECRET_KEY", "its-secret")
    kind()
    assert Credentials.find() == Credentials("from-environment", "its-secret")
    assert Credentials.find("argument").api_key == "argument"


@pytest.mark.parametrize("key", ["with blank", "with\nnewline", "ключ", "", "\x00"])
def test_a_key_that_is_not_valid_in_a_header_is_refused(key: str) -> None:
    with pytest.raises(MissingCredentialsError, match="secret key"):
        Gameball("fine", key)


@pytest.mark.parametrize("keys", [("wrong", "secret"), ("key", "wrong")])
def test_wrong_keys_are_an_authentication_error(box: Sandbox, keys: tuple[str, str]) -> None:
    with Gameball(*keys, base_url=box.url) as client, pytest.raises(DeliveryError) as caught:
        client.events.send([Event("a", "b")])
    assert isinstance(caught.value.__cause__, AuthenticationError)

"""The settings of ``gameball send --config FILE``."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from cyclopts import App, Argument, ArgumentCollection, Token

_OPTION: Final = "--config"
#: Settings that are paths. A relative one belongs to the folder of the file.
_PATHS: Final = frozenset({"source", "ledger", "rejects", "env-file", "log-file"})
#: Options that are not allowed in a file.
_NOT_IN_A_FILE: Final = frozenset({"config", "debug", "help", "version"})


def take_config(words: Sequence[str]) -> tuple[list[str], "Config | None"]:
    """Remove ``--config FILE`` from a command line, and read the file.

    Args:
        words: The command line, without the program's name.

    Raises:
        ValueError: The file cannot be read, is not TOML, or ``--config`` has no value.
    """
    if not words or words[0] != "send":
        return list(words), None
    rest, path = list(words), None
    for place, word in enumerate(words):
        if word == _OPTION or word.startswith(f"{_OPTION}="):
            _, equals, value = word.partition("=")
            if not equals and place + 1 == len(words):
                raise ValueError(f"{_OPTION} needs a file")
            path = Path(value if equals else words[place + 1])
            del rest[place : place + 1 if equals else place + 2]
            break
    return rest, None if path is None else Config(path, _read(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{_OPTION} {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{_OPTION} {path} is not TOML: {error}") from None


@frozen
class Config:
    """The settings of a file. cyclopts calls it for the options that are not on the command line.

    Attributes:
        path: The file.
        settings: Its settings, by name.
    """

    path: Path
    settings: dict[str, Any]

    def __call__(self, _: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Add the settings to the arguments of a command.

        Raises:
            ValueError: A setting is unknown or of a wrong type.
        """
        if commands != ("send",):
            return
        known = {name: argument for argument in arguments for name in _names(argument)}
        for key, value in self.settings.items():
            name = key.replace("_", "-")
            if name not in known or name in _NOT_IN_A_FILE:
                names = ", ".join(sorted(set(known) - _NOT_IN_A_FILE))
                raise ValueError(f"{self.path} has the unknown setting {key}; the settings are {names}")
            argument = known[name]
            if not argument.tokens:
                for text in self._texts(name, key, value):
                    argument.append(Token(keyword=key, value=text, source=str(self.path)))

    def _texts(self, name: str, key: str, value: object) -> list[str]:
        """Return a setting as the texts that would be on the command line."""
        if isinstance(value, bool):
            return [str(value).lower()]
        if isinstance(value, dict):
            value = [f"{one}={other}" for one, other in value.items()]
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str | int | float) for one in values):
            raise ValueError(
                f"{self.path}: {key} must be a string, a number, true or false, or a list or table of these"
            )
        texts = [str(one) for one in values]
        if name in _PATHS:
            texts = [text if text == "-" else str(self.path.parent / text) for text in texts]
        return texts


def _names(argument: Argument) -> list[str]:
    return [name.lstrip("-").lower() for name in argument.names if name != "*"]

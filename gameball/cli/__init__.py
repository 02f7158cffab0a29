"""The ``gameball`` command, installed with the extra ``cli``."""

import sys
from typing import NoReturn


def main(words: list[str] | None = None) -> NoReturn:
    """Run the command, and exit with its code.

    Args:
        words: The words after ``gameball``; by default the arguments of the process.
    """
    try:
        from gameball.cli.app import run  # noqa: PLC0415 - missing where the extra is not installed
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("gameball"):
            raise
        sys.exit(f"gameball: {error.name} is missing: pip install 'gameball-client[cli]'")
    except KeyboardInterrupt:
        # Ctrl-C during the import.
        sys.exit(130)
    sys.exit(run(sys.argv[1:] if words is None else words))

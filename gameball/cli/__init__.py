"""The ``gameball`` command, installed with the extra ``cli``."""

import sys
from typing import NoReturn

from gameball.cli.interrupts import Interrupts


def main(words: list[str] | None = None) -> NoReturn:
    """Run the command, and exit with its code.

    Args:
        words: The words after ``gameball``; by default the arguments of the process.
    """
    # Only now, with the signals handled, is more imported.
    interrupts = Interrupts()
    interrupts.install()
    try:
        from gameball.cli.app import run  # noqa: PLC0415 - missing where the extra is not installed

        code = run(sys.argv[1:] if words is None else words, interrupts)
        interrupts.hold()
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("gameball"):
            raise
        sys.exit(f"gameball: {error.name} is missing: pip install 'gameball-client[cli]'")
    except KeyboardInterrupt:
        # During the imports, or between two steps of ``run``.
        code = interrupts.code
    sys.exit(code)

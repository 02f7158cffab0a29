"""The ``gameball`` command, installed with the extra ``cli``."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command with the arguments of the process, and exit with its code."""
    try:
        from gameball.cli.app import run  # noqa: PLC0415 - missing where the extra is not installed
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("gameball"):
            raise
        sys.exit(f"gameball: {error.name} is missing: pip install 'gameball-client[cli]'")
    except KeyboardInterrupt:
        # Ctrl-C during the import.
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))

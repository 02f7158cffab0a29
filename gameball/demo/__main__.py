"""``python -m gameball.demo`` is ``gameball demo``."""

import sys

from gameball.cli.app import run

if __name__ == "__main__":
    sys.exit(run(["demo", *sys.argv[1:]]))

"""``python -m gameball.demo`` is ``gameball demo``."""

import sys

from gameball.cli import main

if __name__ == "__main__":
    main(["demo", *sys.argv[1:]])

"""``python -m gameball.cli``: the same as ``gameball``."""

from gameball.cli import main

if __name__ == "__main__":
    main()

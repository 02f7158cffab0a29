"""The ``gameball`` command, installed with the extra ``cli``."""

"""The logger of this package: ``logging.getLogger("gameball")``.

WARNING: a chunk that was not accepted, and a pause because of a 429. INFO: the end of a send and of a job.
DEBUG: each request, retry and wait for the rate limits. No record holds a key, or the metadata of an event.
"""

import logging
from typing import Final

LOGGER: Final = logging.getLogger("gameball")
# As the documentation of logging asks of libraries: without it, Python would print warnings to standard error
# in a program that has not configured logging. Level and propagation are left to the program.
LOGGER.addHandler(logging.NullHandler())

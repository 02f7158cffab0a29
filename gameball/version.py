"""The version of this package, read by the build too."""

from typing import Final

__version__: Final = "0.1.0"

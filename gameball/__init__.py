"""A client for the Gameball loyalty API that sends events at full speed and reports the outcome of each.

The public names are listed in ``__init__.pyi`` and imported on first use, so that ``import gameball`` adds
almost nothing to the start-up time of a program that sends no events.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)

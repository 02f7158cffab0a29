"""A client of the Gameball loyalty API: every event delivered, and accounted for.

The public names are listed in ``__init__.pyi`` and imported when they are first used: a program that may send
events, and does not, pays nothing for it at its start.
"""

from lazy_loader import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)

"""The steps of ``regenerate.py``: read, merge, repair, overlay, generate, check, compare, replace."""

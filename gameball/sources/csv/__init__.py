"""Rows of CSV files. Imports ``files``, ``mapping`` and ``records``."""

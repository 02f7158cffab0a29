"""Rows of Arrow tables, Parquet files and SQL queries. Imports ``files``, ``mapping`` and ``records``."""

"""The ledger: the durable record of a send, in an SQLite file.

It imports ``chunking``, ``receipts`` and ``errors``.
"""

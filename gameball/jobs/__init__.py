"""Batch jobs: reading, stopping and waiting for them.

It imports ``transport``, ``rate_limit`` and ``errors``.
"""

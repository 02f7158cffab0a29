"""Batch jobs: what Gameball says about one, and how one is followed to its end.

It imports ``transport``, ``rate_limit`` and ``errors``.
"""

"""Packs events into request bodies. Pure: no I/O. It imports ``events`` and ``errors`` only."""

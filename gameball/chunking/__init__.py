"""Packs events into request bodies. No I/O. It imports only ``events`` and ``errors``."""

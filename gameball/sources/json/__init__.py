"""JSON lines and JSON arrays. Imports ``files``, ``mapping`` and ``records``."""

"""The repairs of published documents. A new repair is a function in here, listed in ``all_repairs.py``."""

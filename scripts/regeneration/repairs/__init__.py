"""The repairs of published documents. A new repair is a module in here, listed in ``all_repairs.py``."""

"""The benchmarks of ``bench.py``: the cases, the command, and the server that they send to."""

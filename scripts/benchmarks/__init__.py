"""What ``bench.py`` measures: the cases, the command, and the server they send to."""

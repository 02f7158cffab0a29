"""Runs a Python program in a process of its own."""

import os
import subprocess
import sys


def run_program(program: str, url: str) -> str:
    """Run a program whose clients use the server at a URL, and return what it printed to standard error."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "GAMEBALL_BASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr

"""The sandbox from a shell."""

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
from batch_requests import BATCH, HEADERS, PATH
from waiting import LONGEST

from gameball.sandbox.app import BANNER


def test_the_sandbox_runs_from_a_shell_until_ctrl_c() -> None:
    command = [sys.executable, "-m", "gameball.sandbox", "--port", "0", "--enforce-limits"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == BANNER + "\n"
        match = re.search(r"http://[0-9.:]+", process.stdout.readline())
        assert match
        assert httpx.post(match[0] + PATH, json=BATCH, headers=HEADERS).status_code == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LONGEST)
    assert (process.returncode, errors) == (0, "")


def test_a_port_in_use_is_an_error_of_one_line_in_the_shell() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "gameball.sandbox", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 2
    assert done.stderr == f"port {port} cannot be used: Address already in use; try --port 0\n"


def test_the_shell_command_can_require_a_version_and_warns_about_another_address() -> None:
    command = [sys.executable, "-m", "gameball.sandbox", "--port", "0", "--host", "0.0.0.0"]  # noqa: S104 - its warning is tested
    command += ["--minimum-version", "v4.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        match = re.search(r"http://[0-9.:]+", process.stdout.readline())
        assert match
        refused = httpx.post(match[0] + PATH, json=BATCH, headers=HEADERS, trust_env=False)
        assert (refused.status_code, refused.json()["code"]) == (412, 2000)
        taken = httpx.post(
            match[0] + PATH.replace("v4.0", "v4.1"), json=BATCH, headers=HEADERS, trust_env=False
        )
        assert taken.status_code == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LONGEST)
    assert errors.startswith("Warning: the sandbox listens on 0.0.0.0, and has no access control")

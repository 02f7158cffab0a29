"""Runs the sandbox from a shell: ``python -m gameball.sandbox --port 8600``."""

import argparse
import sys
import threading

from gameball.sandbox.app import BANNER
from gameball.sandbox.server import Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Run the sandbox until Ctrl-C.

    Args:
        arguments: The words after the command; by default those of this process.

    Returns:
        The exit code: 0 after Ctrl-C, 2 when the port is taken.
    """
    parser = argparse.ArgumentParser(prog="python -m gameball.sandbox", description=BANNER)
    parser.add_argument(
        "--port", type=int, default=8600, help="loopback port, 0 for a free one (%(default)s)"
    )
    parser.add_argument("--job-seconds", type=float, default=2.0, help="duration of each job (%(default)s s)")
    parser.add_argument("--latency", type=float, default=0.0, help="delay of each response (%(default)s s)")
    parser.add_argument(
        "--job-form",
        choices=["batch", "batches", "both"],
        default="both",
        help="which documented form of the job operations to support (%(default)s)",
    )
    parser.add_argument(
        "--enforce-limits",
        action="store_true",
        help="respond with 429 above the documented 30 per 1 s, 360 per 30 s",
    )
    options = parser.parse_args(arguments)
    return serve(
        port=options.port,
        job_seconds=options.job_seconds,
        job_form=options.job_form,
        latency=options.latency,
        enforce_limits=options.enforce_limits,
    )


def serve(*, port: int, job_seconds: float, job_form: str, latency: float, enforce_limits: bool) -> int:
    """Run the sandbox until Ctrl-C.

    Args:
        port: The loopback port; 0 takes a free one.
        job_seconds: How long a job takes, in seconds.
        job_form: Which documented form of the job operations it knows: ``batch``, ``batches`` or ``both``.
        latency: The delay of each response, in seconds.
        enforce_limits: Whether to respond with 429 above the documented limits.

    Returns:
        The exit code: 0 after Ctrl-C, 2 when the port is taken.
    """
    box = Sandbox(
        port=port,
        job_seconds=job_seconds,
        job_form=job_form,
        latency=latency,
        rate_limits=[(30, 1.0), (360, 30.0)] if enforce_limits else [],
    )
    try:
        box.start()
    except OSError as error:
        print(f"port {port} cannot be used: {error.strerror}; try --port 0", file=sys.stderr)  # noqa: T201
        return 2
    try:
        print(  # noqa: T201 - a command talks to its terminal
            f"{BANNER}\nIt listens at {box.url} with the keys 'key' and 'secret' (GAMEBALL_API_KEY, "
            "GAMEBALL_SECRET_KEY). Ctrl-C ends it.",
            flush=True,
        )
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        box.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

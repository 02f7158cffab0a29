"""Runs the sandbox from a shell: ``python -m gameball.sandbox --port 8600``."""

import argparse
import sys
import threading
import warnings

from gameball.rate_limit import DOCUMENTED_LIMITS
from gameball.sandbox.app import BANNER
from gameball.sandbox.record import VERSIONS
from gameball.sandbox.server import DEFAULT_HOST, Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Run the sandbox until Ctrl-C.

    Args:
        arguments: The command line arguments; by default those of this process.

    Returns:
        The exit code: 0 after Ctrl-C, 2 when the port is taken.
    """
    parser = argparse.ArgumentParser(prog="python -m gameball.sandbox", description=BANNER)
    parser.add_argument(
        "--port", type=int, default=8600, help="port to listen on, 0 for a free one (%(default)s)"
    )
    parser.add_argument(
        "--host",
        default=DEFAULT_HOST,
        help="address to listen on; the sandbox has no access control (%(default)s)",
    )
    parser.add_argument(
        "--minimum-version",
        choices=VERSIONS,
        default=VERSIONS[0],
        help="oldest version of the API to accept, as an account can require (%(default)s)",
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
        host=options.host,
        port=options.port,
        job_seconds=options.job_seconds,
        job_form=options.job_form,
        latency=options.latency,
        enforce_limits=options.enforce_limits,
        minimum_version=options.minimum_version,
    )


def serve(
    *,
    host: str,
    port: int,
    job_seconds: float,
    job_form: str,
    latency: float,
    enforce_limits: bool,
    minimum_version: str,
) -> int:
    """Run the sandbox until Ctrl-C.

    Args:
        host: The address to listen on.
        port: The port; 0 takes a free one.
        job_seconds: How long a job takes, in seconds.
        job_form: Which documented form of the job operations it supports: ``batch``, ``batches`` or ``both``.
        latency: The delay of each response, in seconds.
        enforce_limits: Whether to respond with 429 above the documented limits.
        minimum_version: The oldest version of the API that it accepts.

    Returns:
        The exit code: 0 after Ctrl-C, 2 when the port is taken.
    """
    box = Sandbox(
        host=host,
        port=port,
        minimum_version=minimum_version,
        job_seconds=job_seconds,
        job_form=job_form,
        latency=latency,
        rate_limits=DOCUMENTED_LIMITS if enforce_limits else (),
    )
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            box.start()
        for warning in caught:
            print(f"Warning: {warning.message}.", file=sys.stderr)  # noqa: T201
    except OSError as error:
        where = f"port {port}" if host == DEFAULT_HOST else f"{host}, port {port},"
        print(f"{where} cannot be used: {error.strerror}; try --port 0", file=sys.stderr)  # noqa: T201
        return 2
    try:
        print(  # noqa: T201 - a command talks to its terminal
            f"{BANNER}\nIt listens on {box.url} with the keys 'key' and 'secret' (GAMEBALL_API_KEY, "
            "GAMEBALL_SECRET_KEY). Press Ctrl-C to stop it.",
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

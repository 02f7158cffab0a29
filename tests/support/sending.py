"""What the tests of sends share: events to send, and the threads that send them."""

import threading

from gameball import Event


def events(count: int) -> list[Event]:
    """Return events of as many customers."""
    return [Event(f"cust-{number}", "song_liked") for number in range(count)]


def our_threads() -> list[str]:
    """Return the names of the threads of all sends in this process."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("gameball-send")]

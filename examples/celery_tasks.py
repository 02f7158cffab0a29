"""A Celery task that records events in the background.

celery --workdir examples --app celery_tasks worker
"""

from celery import Celery
from celery.signals import worker_process_shutdown

from gameball import Gameball

app = Celery("celery_tasks")
app.config_from_object("celeryconfig")  # your broker
tracker = Gameball().events.tracker()


@app.task
def like(customer_id: str, song_id: str) -> None:
    """Record that a customer likes a song."""
    tracker.track(customer_id, "song_liked", {"song_id": song_id})


@worker_process_shutdown.connect
def close_tracker(**_: object) -> None:
    """Send what is queued. Celery's processes end without calling ``atexit``."""
    tracker.close()

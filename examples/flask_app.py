"""A Flask application that records events in the background.

gunicorn --chdir examples --preload --workers 4 flask_app:app
"""

from flask import Flask

from gameball import Gameball

app = Flask(__name__)
# Created once, before gunicorn forks: each worker process has its own queue and threads.
tracker = Gameball().events.tracker()


@app.post("/customers/<customer_id>/likes/<song_id>")
def like(customer_id: str, song_id: str) -> tuple[str, int]:
    """Record that a customer likes a song."""
    tracker.track(customer_id, "song_liked", {"song_id": song_id})
    return "", 204

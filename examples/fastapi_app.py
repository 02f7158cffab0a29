"""A FastAPI application that records events in the background.

uvicorn --app-dir examples fastapi_app:app
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

from gameball import AsyncGameball


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the client when the application starts, and send what is queued when it ends."""
    async with AsyncGameball() as gb, gb.events.tracker() as app.state.tracker:
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/customers/{customer_id}/likes/{song_id}", status_code=204)
async def like(request: Request, customer_id: str, song_id: str) -> None:
    """Record that a customer likes a song."""
    request.app.state.tracker.track(customer_id, "song_liked", {"song_id": song_id})

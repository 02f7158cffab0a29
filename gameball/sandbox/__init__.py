"""A local server that behaves like Gameball, to develop and test against. It is not Gameball, and says so.

It behaves as Gameball documents: it checks both keys and the payload, accepts at most 1,000 objects per
request, moves jobs through their states in both documented forms, and can enforce the rate limits.
Gameball itself may behave differently. It needs the extra ``sandbox``:
``pip install 'gameball-client[sandbox]'``.

    with Sandbox() as box, Gameball("key", "secret", base_url=box.url) as gb:
        gb.events.send([Event("cust-1", "song_liked")])
        assert box.events == {("cust-1", "song_liked", "{}"): 1}
"""

from gameball.sandbox.record import Received

try:
    from gameball.sandbox.faults import Ending, Fault
    from gameball.sandbox.server import Sandbox
except ModuleNotFoundError as error:
    if error.name not in {"starlette", "uvicorn"}:
        raise
    needed = f"{error.name} is missing: pip install 'gameball-client[sandbox]'"
    raise ModuleNotFoundError(needed, name=error.name) from None

__all__ = ["Ending", "Fault", "Received", "Sandbox"]

"""The content of a response: how much of it is read, and how it is decoded."""

import zlib
from contextlib import suppress
from typing import Any, Final

import httpx
import orjson

from gameball.errors import ResponseLostError

#: The maximum number of bytes read from a response. Gameball's responses are far smaller; an endless response
#: must not fill the memory.
MAX_RESPONSE: Final = 16 * 1024 * 1024
#: The maximum number of bytes read from the response to a batch, and from any error response.
MAX_SHORT_RESPONSE: Final = 1024 * 1024


class SuccessResponse(httpx.Response):
    """A 2xx response that raises ``ResponseLostError`` if its content is not a JSON object.

    Every response of the API is an object. For anything else, the generated models raise a ``TypeError``.
    """

    def json(self, **_: Any) -> Any:  # noqa: ANN401 - as httpx declares it
        """Parse the content as a JSON object.

        Raises:
            ResponseLostError: It is not one.
        """
        with suppress(orjson.JSONDecodeError):
            if isinstance(fields := orjson.loads(self.content), dict):
                return fields
        kind = self.headers.get("content-type", "no content type") if self.content else "no body"
        raise ResponseLostError(f"the request was sent, but the response is not a JSON object: {kind}")


def decode(content: bytes, encoding: str, limit: int) -> bytes | None:
    """Return the decompressed content of a response, or None if it is too long.

    Requests ask for uncompressed responses, but a server may ignore that.
    """
    window = {"gzip": 31, "x-gzip": 31, "deflate": 15}.get(encoding.strip().lower())
    if window is None:
        return content
    with suppress(zlib.error):
        decoded = zlib.decompressobj(window).decompress(content, limit + 1)
        return None if len(decoded) > limit else decoded
    return content

"""What the synchronous and the asynchronous connection share."""

from http import HTTPStatus
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import httpx
from gameball_api.api.batches import send_events_batch
from gameball_api.models import EventsBatch

from gameball.errors import APIError, GameballError, ResponseLostError
from gameball.transport.api_version import version_hint, with_version
from gameball.transport.request_trace import RequestTrace
from gameball.transport.response_content import MAX_RESPONSE, MAX_SHORT_RESPONSE, SuccessResponse
from gameball.transport.responses import error_from_exception, error_from_response
from gameball.transport.settings import ConnectionSettings

if TYPE_CHECKING:
    from weakref import WeakSet

_STANDARD_STATUSES: Final = frozenset(HTTPStatus)


class NoCookies(httpx.Cookies):
    """The cookies that a user has set. Cookies of responses are ignored: the API does not use them."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Ignore the cookies of a response."""


class BaseConnection:
    """The parts of a connection that are the same for the synchronous and the asynchronous one.

    Attributes:
        settings: The settings of the connection.
        max_response: The maximum number of bytes read from a response.
    """

    settings: ConnectionSettings
    max_response = MAX_RESPONSE
    _streams: "WeakSet[Any]"
    _urls: dict[str, httpx.URL]

    def note_stream(self, stream: Any) -> None:  # noqa: ANN401 - httpcore's, sync or async
        """Remember a stream that was opened."""
        self._streams.add(stream)

    def note_request(self) -> None:
        """Called before a request is sent or refused. The default does nothing."""

    def note_sending(self) -> None:
        """Called right before the first byte of a request is sent. The default does nothing."""

    def _batch(self, content: bytes) -> dict[str, Any]:
        """Return the request arguments for a batch that is already encoded as JSON."""
        # The generated function builds the request, but ``read_job_id`` parses the response. The generated
        # parser would fail on fields or values that Gameball may add to the response at any time, and the
        # events would be UNKNOWN.
        arguments = send_events_batch._get_kwargs(body=_NO_EVENTS)  # noqa: SLF001
        del arguments["json"]
        arguments["content"] = content
        # Cached because parsing the URL takes a tenth of the time of a whole request.
        path = arguments["url"]
        if path not in self._urls:
            self._urls[path] = self._absolute(path)
        arguments["url"] = self._urls[path]
        return arguments

    def _absolute(self, path: str) -> httpx.URL:
        base = self.settings.base_url
        path = with_version(path, self.settings.api_version)
        return base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path.encode())

    @property
    def is_aborted(self) -> bool:
        """Whether the connection was aborted; only those of workers can be."""
        return False

    def _convert(self, error: Exception, trace: RequestTrace) -> GameballError:
        """Return this package's error for what was raised while a request was sent."""
        sent, given_up = trace.may_have_sent, trace.is_given_up(error)
        return error_from_exception(error, self.settings.credentials, sent=sent, given_up=given_up)

    def _check_response(self, response: httpx.Response, content: bytes | None) -> "bytes | GameballError":
        """Return the content of a 2xx response, or the error that another response means.

        Args:
            response: The response, without its content.
            content: The content, or None if it was too long.
        """
        status = response.status_code
        error = error_from_response(status, response.headers, content or b"", self.settings.credentials)
        if error is not None:
            if isinstance(error, APIError):
                error.hint = version_hint(error, response.request.url.path, self.settings.api_version)
            return error
        if content is None:
            return ResponseLostError(
                f"the request was sent, but the response is longer than {self.max_response:,} bytes"
            )
        return content

    def _success(self, response: httpx.Response, content: bytes) -> httpx.Response:
        """Return a 2xx response with its content, as httpx returns it."""
        headers = response.headers.copy()
        for name in ("content-encoding", "content-length", "transfer-encoding"):
            headers.pop(name, None)
        # An error that the response raises names its type.
        if "content-type" in headers:
            headers["content-type"] = self.settings.credentials.redact(headers["content-type"])
        return SuccessResponse(
            # The generated parser converts the status to an http.HTTPStatus, which fails for 299.
            response.status_code if response.status_code in _STANDARD_STATUSES else HTTPStatus.OK,
            headers=headers,
            content=content,
            request=response.request,
            extensions=response.extensions,
        )

    def _limit_for(self, response: httpx.Response) -> int:
        return self.max_response if response.is_success else min(self.max_response, MAX_SHORT_RESPONSE)


_NO_EVENTS: Final = EventsBatch(body=[])


def read_arguments(operation: ModuleType, job_id: int) -> dict[str, Any]:
    """Return the request arguments for a job operation.

    As for batches, the generated function builds the request, but the generated parser is not used: it fails
    on job states that are not in the API document.
    """
    arguments: dict[str, Any] = operation._get_kwargs(job_id)  # noqa: SLF001
    return arguments

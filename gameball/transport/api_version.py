"""The version of Gameball's API: which one to use, and how it appears in paths and errors. No I/O."""

import re
from http import HTTPStatus
from typing import Final, Literal

from gameball.errors import APIError

#: A documented version of the API. The operations of both are the same.
ApiVersion = Literal["v4.0", "v4.1"]

DEFAULT_API_VERSION: Final[ApiVersion] = "v4.0"
API_VERSIONS: Final[tuple[ApiVersion, ...]] = ("v4.0", "v4.1")

API_VERSION_VARIABLE: Final = "GAMEBALL_API_VERSION"
_PREFIX: Final = re.compile(r"/api/v[0-9]+\.[0-9]+/")
# A path to one thing, such as a job, which is "not found" for other reasons than the version.
_ID_IN_PATH: Final = re.compile(r"/[0-9]+(/|$)")
# How a server may reject a version is not documented. These statuses are the ones that may say it.
_MAY_REJECT_VERSION: Final = frozenset(
    {HTTPStatus.GONE, HTTPStatus.PRECONDITION_FAILED, HTTPStatus.UPGRADE_REQUIRED}
)
_CLIENT_ERROR: Final = range(400, 500)
_NOT_FOUND_CODE: Final = 4004
_PRECONDITION_CODE: Final = 2000


def check_api_version(given: object, variable: str | None) -> ApiVersion:
    """Return the version to use: the argument, or else the environment variable, or else the default.

    Args:
        given: The argument ``api_version``; None if it was not passed.
        variable: The value of the environment variable, or None.

    Raises:
        ValueError: The version is not a documented one.
    """
    if given is None and not variable:
        return DEFAULT_API_VERSION
    name, value = (API_VERSION_VARIABLE, variable) if given is None else ("api_version", given)
    # The type is checked first: a value that cannot be compared must not raise its own error.
    if not isinstance(value, str) or value not in API_VERSIONS:
        known = " or ".join(map(repr, API_VERSIONS))
        raise ValueError(f"{name} must be {known}, got {value!r}")
    return value


def with_version(path: str, version: ApiVersion) -> str:
    """Return a path of the API with another version, or unchanged if it has none.

    Args:
        path: A path such as ``/api/v4.0/integrations/batch/events``, or any other URL.
        version: The version.
    """
    return _PREFIX.sub(f"/api/{version}/", path, count=1) if path.startswith("/api/") else path


def version_hint(error: APIError, path: str, version: ApiVersion) -> str | None:
    """Return what to try if the account may not accept the API version, or None for other errors.

    Gameball does not document how it rejects a version.

    Args:
        error: The error of a response.
        path: The path of the request.
        version: The version that was used.
    """
    if error.status not in _CLIENT_ERROR:
        return None
    applies = (
        error.status in _MAY_REJECT_VERSION
        or error.code == _PRECONDITION_CODE
        or "version" in error.message.lower()
        or (
            error.status == HTTPStatus.NOT_FOUND
            and error.code in {None, _NOT_FOUND_CODE}
            and not _ID_IN_PATH.search(path)
        )
    )
    if not applies:
        return None
    others = " or ".join(repr(other) for other in API_VERSIONS if other != version)
    return (
        f"if the account does not accept version {version} of the API, pass api_version={others} "
        f"or set {API_VERSION_VARIABLE}"
    )

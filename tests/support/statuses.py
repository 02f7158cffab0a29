"""What a server may do with a request, and the outcome of its events. The tables of the docs say the same."""

from typing import Final

from gameball.sandbox import Ending, Fault

LOCATION: Final = (("location", "/elsewhere"),)
REJECTED: Final = [
    *(Fault(status=status, headers=LOCATION) for status in (300, 301, 302, 303, 304, 305, 307, 308)),
    *(
        Fault(status=status)
        for status in (400, 402, 404, 405, 406, 408, 409, 410, 413, 415, 418, 422, 451, 499)
    ),
]
UNKNOWN: Final = [
    *(Fault(status=status) for status in (500, 501, 502, 504, 505, 507, 511, 520, 522, 524, 530, 599)),
    *(Fault(status=status, body=b"") for status in (200, 202, 204, 205)),
    Fault(body=b"{}"),
    Fault(body=b'{"jobId": null}'),
    Fault(body=b"<html>", content_type="text/html"),
    Fault(ending=Ending.RESET),
    Fault(ending=Ending.TRUNCATED),
]
SENT_AGAIN: Final = [Fault(status=503), Fault(status=429), Fault(status=422, code=2001)]
WRONG_KEYS: Final = [Fault(status=401), Fault(status=403)]


def name_of(fault: object) -> str:
    if not isinstance(fault, Fault):
        return str(fault)
    return f"{fault.status or fault.ending.value} {(fault.body or b'').decode()} {fault.code or ''}".strip()

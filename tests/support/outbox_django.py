"""Places orders with Django on PostgreSQL, in ``transaction.atomic()``. A test runs it as a program."""

import os
from contextlib import suppress

import django  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]
from django.db import connection, transaction  # type: ignore[import-untyped]
from sqlalchemy.engine import make_url

from gameball import Event
from gameball.outbox import Outbox

url = make_url(os.environ["OUTBOX_DATABASE"])
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.database,
            "USER": url.username,
            "HOST": url.query["host"],
        }
    }
)


class TooExpensiveError(Exception):
    """The order is refused."""


def place_order(outbox: Outbox, number: int) -> None:
    """Place an order, and roll back: all of it for every fourth number, a savepoint for every fifth."""
    with suppress(TooExpensiveError), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO orders (number) VALUES (%s)", [number])
            outbox.add(cursor, Event(f"cust-{number % 7}", "order_placed", {"n": number}))
        with suppress(TooExpensiveError), transaction.atomic(), connection.cursor() as cursor:
            outbox.add(cursor, Event(f"cust-{number % 7}", "bonus_earned", {"n": number}))
            if number % 5 == 0:
                raise TooExpensiveError
        if number % 4 == 0:
            raise TooExpensiveError


def main() -> None:
    """Place some orders."""
    django.setup()
    outbox = Outbox(url)
    for number in range(40):
        place_order(outbox, number)


if __name__ == "__main__":
    main()

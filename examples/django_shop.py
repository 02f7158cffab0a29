"""A shop with Django: an order and its event are written in one transaction.

export SHOP_DATABASE=shop.db GAMEBALL_OUTBOX_DATABASE=sqlite:///shop.db
python examples/django_shop.py                                  # creates the tables
gunicorn --chdir examples django_shop:application               # the shop
gameball outbox run                                             # the delivery
curl -X POST localhost:8000/orders/cust-1/80
"""

import os
from pathlib import Path

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from gameball import Event
from gameball.outbox import Outbox

database = Path(os.environ.get("SHOP_DATABASE", "shop.db")).resolve()
outbox = Outbox(f"sqlite:///{database}")

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": database,
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 30},
        }
    },
    ROOT_URLCONF=__name__,
)


@transaction.atomic
def place_order(_: HttpRequest, customer: str, total: int) -> HttpResponse:
    """Place an order. Without a commit there is neither an order nor an event."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO orders (customer, total) VALUES (%s, %s)", [customer, total])
        outbox.add(cursor, Event(customer, "order_placed", {"total": total}))
    if total > 1000:  # noqa: PLR2004 - the limit of this shop
        raise ValueError("too expensive")
    return HttpResponse(status=201)


urlpatterns = [path("orders/<str:customer>/<int:total>", place_order)]

application = get_wsgi_application()

if __name__ == "__main__":
    django.setup()
    outbox.create()
    with connection.cursor() as made:
        made.execute("CREATE TABLE IF NOT EXISTS orders (customer TEXT, total INTEGER)")

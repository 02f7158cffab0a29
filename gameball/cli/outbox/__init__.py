"""``gameball outbox``: the tables, the delivery, and what failed in it."""

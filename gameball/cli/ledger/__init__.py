"""``gameball ledger``: what is recorded of a send, and how a person settles what is unknown."""

"""``gameball ledger``: shows the recorded outcomes of a send, and settles unknown ones."""

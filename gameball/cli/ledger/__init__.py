"""``gameball ledger``: shows the recorded outcomes of a send, and resolves unknown ones."""

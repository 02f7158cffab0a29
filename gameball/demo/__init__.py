"""The demo: a real file of events, sent to the sandbox or to Gameball, and followed to its end."""

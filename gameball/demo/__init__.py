"""The demo: sends a file of events to the sandbox or to Gameball, and waits for its jobs."""

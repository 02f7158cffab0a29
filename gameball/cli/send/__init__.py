"""``gameball send``: everything from the words on the command line to the report at the end."""

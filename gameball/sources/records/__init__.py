"""The rows of a source as items to send, and how far it has been read. Imports ``mapping``."""

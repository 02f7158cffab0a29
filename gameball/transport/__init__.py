"""HTTP connections, and the interpretation of responses.

It imports ``credentials``, ``errors`` and the generated client.
"""

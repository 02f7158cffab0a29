"""The HTTP connections, and what an answer means.

It imports ``credentials``, ``errors`` and the generated client.
"""

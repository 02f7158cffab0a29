"""Records events at once and sends them in the background.

It imports ``delivery`` and the packages below it.
"""

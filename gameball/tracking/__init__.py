"""Records events immediately and sends them in the background.

It imports ``delivery`` and the packages below it.
"""

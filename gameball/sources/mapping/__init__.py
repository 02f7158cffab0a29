"""How the columns or fields of a row become an event.

Imports no other package of ``sources``, only its modules ``strict_json`` and ``shown_names``.
"""

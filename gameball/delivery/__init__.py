"""Sends the events of one call: options, state, attempts, retry decisions, workers and senders.

It imports ``chunking``, ``ledger``, ``transport`` and the modules at the root except the clients.
"""

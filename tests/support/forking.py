"""Runs a function in a forked child."""

import multiprocessing
import os
from collections.abc import Callable
from typing import Any

FORKING = multiprocessing.get_context("fork")


def in_child(act: Callable[[], Any]) -> Callable[[], Any]:
    """Fork, act in the child, and return a function that waits for the child and returns its result."""
    receiving, sending = FORKING.Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        try:
            sending.send(act())
        except BaseException as error:  # noqa: BLE001 - the parent shows it
            sending.send(f"{type(error).__name__}: {error}")
        os._exit(0)
    sending.close()

    def result() -> Any:
        answer = receiving.recv() if receiving.poll(30) else "no answer"
        receiving.close()
        os.waitpid(child, 0)
        return answer

    return result

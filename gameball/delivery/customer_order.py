"""Which chunks may be sent when each customer's events must keep their order. No I/O."""

import threading
from collections.abc import Hashable, Iterable

from attrs import define, field


@define
class CustomerOrder:
    """Decides when a chunk may be sent: after every earlier chunk with one of its customers has its outcome.

    A chunk waits only for the latest chunk of each of its customers, which itself waits for the one before.
    Several threads may use it.
    """

    # The latest chunk of each customer, of those that have no outcome yet.
    _latest: dict[Hashable, int] = field(factory=dict, init=False)
    _customers: dict[int, frozenset[Hashable]] = field(factory=dict, init=False)
    # For each waiting chunk, those that it waits for; and for each of these, those that wait for it.
    _blockers: dict[int, set[int]] = field(factory=dict, init=False)
    _waiting_for: dict[int, list[int]] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def add(self, index: int, customers: Iterable[Hashable]) -> bool:
        """Add a chunk, and return whether it may be sent now.

        Args:
            index: The number of the chunk. Chunks are added in the order of the source.
            customers: The customers of its events.
        """
        own = frozenset(customers)
        with self._lock:
            blockers = {self._latest[customer] for customer in own if customer in self._latest}
            self._customers[index] = own
            self._latest.update(dict.fromkeys(own, index))
            if not blockers:
                return True
            self._blockers[index] = blockers
            for blocker in blockers:
                self._waiting_for.setdefault(blocker, []).append(index)
            return False

    def end(self, index: int) -> list[int]:
        """Record that a chunk has its outcome, and return the chunks that may be sent now, in order.

        It is safe to call this again for the same chunk.
        """
        ready = []
        with self._lock:
            for customer in self._customers.pop(index, ()):
                if self._latest.get(customer) == index:
                    del self._latest[customer]
            for waiting in self._waiting_for.pop(index, ()):
                blockers = self._blockers.get(waiting)
                if blockers is None:  # it was released
                    continue
                blockers.discard(index)
                if not blockers:
                    del self._blockers[waiting]
                    ready.append(waiting)
        return ready

    def release(self) -> list[int]:
        """Return all waiting chunks, in order. They wait no longer, because nothing more is sent."""
        with self._lock:
            waiting = sorted(self._blockers)
            self._blockers.clear()
        return waiting

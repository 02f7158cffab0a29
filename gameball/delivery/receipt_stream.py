"""The iterators that ``stream`` returns. They warn if they are never iterated: nothing was sent then."""

import inspect
import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Final, Self

from gameball.receipts import Receipt

_NEVER_ITERATED: Final = "the iterator of events.stream was never iterated, so nothing was sent; write {}"


class ReceiptStream(Iterator[Receipt]):
    """Yields the receipt of each chunk; closing it ends the send.

    Args:
        receipts: The generator that sends, and yields the receipts.
        held: The receipt that was yielded and that the user may not have, for the report of an interrupt.
    """

    def __init__(self, receipts: Generator[Receipt, None, None], held: list[Receipt]) -> None:
        self._receipts = receipts
        self._held = held
        self._used = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Receipt:
        try:
            self._used = True
            # Whoever asks for the next receipt has the last one.
            self._held.clear()
            return next(self._receipts)
        except StopIteration:
            raise
        except BaseException as error:
            if inspect.getgeneratorstate(self._receipts) != inspect.GEN_CLOSED:
                # An interrupt came just before the generator or after it: it ends the send, which adds
                # the report.
                self._receipts.throw(error)
            raise

    def close(self) -> None:
        """End the send. Requests in flight have ``close_timeout`` to finish."""
        self._used = True
        self._receipts.close()

    def __del__(self) -> None:
        if not self._used:
            message = _NEVER_ITERATED.format("for receipt in gb.events.stream(...)")
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)


class AsyncReceiptStream(AsyncIterator[Receipt]):
    """Yields the receipt of each chunk; closing it ends the send.

    Args:
        receipts: The generator that sends, and yields the receipts.
    """

    def __init__(self, receipts: AsyncGenerator[Receipt, None]) -> None:
        self._receipts = receipts
        self._used = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Receipt:
        self._used = True
        return await anext(self._receipts)

    async def aclose(self) -> None:
        """End the send. Requests in flight have ``close_timeout`` to finish."""
        self._used = True
        await self._receipts.aclose()

    def __del__(self) -> None:
        if not self._used:
            message = _NEVER_ITERATED.format("async for receipt in gb.events.stream(...)")
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)

"""How many calls reach the model server at once, how many wait, and what the rest is told."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.errors import Overloaded, Unavailable

_LONGEST_RETRY_AFTER_S = 60
_SMOOTHING = 0.2


class Admission:
    """A limit on concurrent calls with a bounded queue, first come first served."""

    def __init__(self, concurrency: int, queue: int, timeout_s: float) -> None:
        """concurrency: calls at once; queue: calls that may wait; timeout_s: longest wait."""
        self._slots = asyncio.Semaphore(concurrency)
        self._concurrency = concurrency
        self._queue = queue
        self._timeout_s = timeout_s
        self._typical_s = 5.0
        self.running = 0
        self.waiting = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold a slot; raises Overloaded where the queue is full, Unavailable after too long a wait in it."""
        await self._acquire()
        self.running += 1
        began = time.monotonic()
        try:
            yield
        finally:
            self.running -= 1
            self._slots.release()
            self._typical_s += _SMOOTHING * (time.monotonic() - began - self._typical_s)

    async def _acquire(self) -> None:
        if not self._slots.locked():
            await self._slots.acquire()  # does not wait: a free slot is taken before anyone else runs
            return
        if self.waiting >= self._queue:
            raise Overloaded(
                f"{self.running} answers are being written and {self.waiting} questions wait: try again soon.",
                self._retry_after_s(),
            )
        self.waiting += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._slots.acquire()
        except TimeoutError:
            raise Unavailable(
                f"No place became free within {self._timeout_s:g} seconds: try again later.",
                self._retry_after_s(),
            ) from None
        finally:
            self.waiting -= 1

    def _retry_after_s(self) -> int:
        """When the queue of now will have passed, at the pace of the last calls."""
        wait_s = self._typical_s * (self.waiting + 1) / self._concurrency
        return min(_LONGEST_RETRY_AFTER_S, max(1, math.ceil(wait_s)))

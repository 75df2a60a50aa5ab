"""A queue of bounded length before one worker thread. Who waits too long gives up, and what nobody
waits for is not begun."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

T = TypeVar("T")


class QueueFull(Exception):
    """As many requests as may wait do so already."""


class TooLate(Exception):
    """The result did not come in time."""


class Stopping(Exception):
    """The queue takes no more work."""


class WorkQueue:
    """Runs functions one after the other in a thread, which `stop` ends.

    length: how many may wait, beside the one that runs.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._waiting: queue.Queue[tuple[Callable[[], Any], Future[Any]] | None] = queue.Queue()
        self._lock = threading.Lock()
        self._count = 0  # that wait or run
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)
        self._thread.start()

    @property
    def count(self) -> int:
        """How many wait or run."""
        return self._count

    def run(self, work: Callable[[], T], seconds: float) -> T:
        """The result of `work`, or what it raised. Raises QueueFull, Stopping at once, and TooLate
        after so many seconds; work that has begun then ends unheard."""
        future = self._put(work)
        try:
            return future.result(timeout=seconds)
        except FutureTimeout as exc:
            if future.done():  # just now, or the work itself raised this
                return future.result()
            future.cancel()
            raise TooLate from exc
        except CancelledError as exc:
            raise Stopping from exc

    def stop(self, seconds: float) -> bool:
        """Take no more work; True once all that was taken is done, within so many seconds."""
        with self._lock:
            first, self._stopping = not self._stopping, True
        if first:
            self._waiting.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _put(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            if self._stopping:
                raise Stopping
            if self._count > self._length:
                raise QueueFull
            self._count += 1
            self._waiting.put((work, future))
        return future

    def _work(self) -> None:
        while (taken := self._waiting.get()) is not None:
            work, future = taken
            try:
                if future.set_running_or_notify_cancel():
                    _finish(future, work)
            finally:
                del taken, work, future  # a picture may be large
                with self._lock:
                    self._count -= 1


def _finish(future: Future[T], work: Callable[[], T]) -> None:
    try:
        found = work()
    except BaseException as exc:  # noqa: BLE001 - raised again in the thread that waits
        future.set_exception(exc)
    else:
        future.set_result(found)

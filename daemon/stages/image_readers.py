"""Readers of images: inside the tick, or in a thread beside it.

`maskloop run` uses a thread with a connection of its own to the labeling tool, so that a large new
pool does not delay the answers of annotators. It is not a child process, because child processes
get no token. `maskloop once` and simulations read inside their ticks. tests/contract/
test_image_readers.py holds for both readers.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from connectors.base import Connector
from daemon.config.loading import Config
from daemon.intake import Postponed
from daemon.stages.image_reading import ReadRequest, ReadResult, read_image

INLINE_READ_S = 10.0  # of one tick that reads by itself; answers are read between such ticks
COLLECT_S = 0.3  # of one tick beside a thread; further results wait for the next tick
STOP_TIMEOUT_S = 1.0  # a slower read is abandoned when the daemon ends; nothing is lost


class Reader(Protocol):
    """Reads images one by one, in the order of the requests."""

    def request(self, requests: Sequence[ReadRequest]) -> None:
        """Read these images instead of earlier ones whose read has not started.

        The result of a read that has started or ended is still returned, and not read twice.
        """

    def results(self) -> Iterator[ReadResult]:
        """Yield the results, each once and in order, within the time that a tick has for it.

        After a failure the failed request is tried again.
        """

    def failure(self) -> Exception | None:
        """The error that stopped reading and is not about an image; None after the next success."""

    def remaining(self) -> int:
        """The number of requests without a returned result.

        A reader inside the tick drops requests when its time is over; they are requested again.
        """

    def paused(self) -> AbstractContextManager[None]:
        """Start no further read inside this block, which is a tick.

        SQLite releases the interpreter lock at every row, and a thread that decodes images would
        hold it for milliseconds each time.
        """

    def stop(self) -> None:
        """Stop reading; returns within seconds."""


class InlineReader:
    """Reads inside the tick: for INLINE_READ_S seconds, and at least one image."""

    def __init__(
        self,
        connector: Connector,
        config: Config,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connector, self._config, self._monotonic = connector, config, monotonic
        self._queue: deque[ReadRequest] = deque()
        self._failure: Exception | None = None

    def request(self, requests: Sequence[ReadRequest]) -> None:
        """Read these images instead of earlier requests."""
        self._queue = deque(requests)
        self._failure = None

    def results(self) -> Iterator[ReadResult]:
        """Read now, and yield the results one by one."""
        deadline, self._failure = self._monotonic() + INLINE_READ_S, None
        while self._queue:
            result = read_image(self._connector, self._config, self._queue[0])
            if isinstance(result, Postponed):
                self._failure = result.cause
                return
            self._queue.popleft()
            yield result
            if self._monotonic() > deadline:
                self._queue.clear()

    def failure(self) -> Exception | None:
        """The error that ended the last call of `results`."""
        return self._failure

    def remaining(self) -> int:
        """The number of requests that wait after a failure."""
        return len(self._queue)

    def paused(self) -> AbstractContextManager[None]:
        """Do nothing: only the tick reads."""
        return nullcontext()

    def stop(self) -> None:
        """Drop all requests."""
        self._queue.clear()


class BackgroundReader:
    """Reads in a thread of its own, one image at a time; a tick collects the results.

    connector: used by the thread alone. wake: called from any thread when the next tick should
    come early: all images are read, or a tick had no time to collect all results.
    """

    def __init__(
        self,
        connector: Connector,
        config: Config,
        wake: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connector, self._config = connector, config
        self._wake, self._monotonic = wake, monotonic
        self._condition = threading.Condition()  # guards the fields below
        self._queue: deque[ReadRequest] = deque()
        self._current: ReadRequest | None = None
        self._results: deque[ReadResult] = deque()
        self._failure: Exception | None = None
        self._waits_for_tick = False  # after a failure
        self._is_paused = False  # during a tick
        self._is_stopped = False
        self._thread: threading.Thread | None = None

    def request(self, requests: Sequence[ReadRequest]) -> None:
        """Read these images; the first call starts the thread."""
        with self._condition:
            started = [result.request for result in self._results]
            if self._current is not None:
                started.append(self._current)
            keys = {request.found.key for request in started}
            self._queue = deque(request for request in requests if request.found.key not in keys)
            if not requests:
                self._failure = None
            self._run_thread()

    def results(self) -> Iterator[ReadResult]:
        """Yield the results: for COLLECT_S seconds, and at least one."""
        deadline = self._monotonic() + COLLECT_S
        with self._condition:
            self._waits_for_tick = False
            self._run_thread()
        while (result := self._next_result()) is not None:
            yield result
            if self._monotonic() > deadline:
                self._wake()
                return

    def failure(self) -> Exception | None:
        """The error of the newest read, if it was not about its image."""
        with self._condition:
            return self._failure

    def remaining(self) -> int:
        """The number of requests that wait, are being read, or have a result to collect."""
        with self._condition:
            return len(self._queue) + len(self._results) + (self._current is not None)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Start no read inside this block; a read that has started goes on."""
        with self._condition:
            self._is_paused = True
        try:
            yield
        finally:
            with self._condition:
                self._is_paused = False
                self._condition.notify()

    def stop(self) -> None:
        """Stop the thread; waits at most STOP_TIMEOUT_S seconds for the image being read."""
        with self._condition:
            self._is_stopped = True
            self._condition.notify()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT_S)

    def _run_thread(self) -> None:
        """Start the thread, or wake it; a thread that died of an error is replaced."""
        if self._thread is not None and self._thread.is_alive():
            self._condition.notify()
        elif self._queue or self._current is not None:
            if self._current is not None:
                self._queue.append(self._current)
                self._current = None
            self._thread = threading.Thread(target=self._read_all, name="images", daemon=True)
            self._thread.start()

    def _next_result(self) -> ReadResult | None:
        with self._condition:
            return self._results.popleft() if self._results else None

    def _read_all(self) -> None:
        while (request := self._next_request()) is not None:
            result = read_image(self._connector, self._config, request)
            if self._add_result(request, result):
                self._wake()

    def _next_request(self) -> ReadRequest | None:
        """Wait for the next request; None after `stop`."""
        with self._condition:
            while not self._is_stopped and (
                self._is_paused or self._waits_for_tick or not self._queue
            ):
                self._condition.wait()
            self._current = None if self._is_stopped else self._queue.popleft()
            return self._current

    def _add_result(self, request: ReadRequest, result: ReadResult | Postponed) -> bool:
        """Save the result for a tick; returns whether all images are read now."""
        with self._condition:
            self._current = None
            if isinstance(result, Postponed):
                self._queue.appendleft(request)
                self._failure, self._waits_for_tick = result.cause, True
                return False
            self._results.append(result)
            self._failure = None
            return not self._queue

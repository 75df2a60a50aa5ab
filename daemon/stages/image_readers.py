"""Who reads the images that a tick asks for: the tick itself, or a thread beside it.

`maskloop run` has a thread, with a connection to the labeling tool of its own, so that a new pool
delays nobody's answers. It is no child process, as those get no token. Whatever makes single
ticks reads inside them: `maskloop once`, simulations. The contract for both is
tests/contract/test_image_readers.py.
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
from daemon.stages.image_reading import Reading, Wanted, read_image

LOOK_S = 10.0  # of one tick, where the tick reads; people's answers are read in between
TAKE_S = 0.3  # of one tick, where a thread reads: what more is done waits for the next tick
STOP_S = 1.0  # a reading that takes longer is given up when the daemon ends: nothing is lost


class Reader(Protocol):
    """Looks into images one by one, in the order in which they are asked for."""

    def ask(self, wanted: Sequence[Wanted]) -> None:
        """Look into these, instead of what was asked for before and is not begun. What is done or
        begun is handed over all the same, and not read again."""

    def finished(self) -> Iterator[Reading]:
        """What is done, each once and in order, for as long as this tick has time for it. After a
        failure it is tried again from here on."""

    def failure(self) -> Exception | None:
        """What keeps it from reading, and says nothing about an image; None as soon as it could
        read one again."""

    def left(self) -> int:
        """How many of those asked for are not handed over; of those, what a tick has no more time
        for is dropped where the tick reads, and has to be asked for again."""

    def resting(self) -> AbstractContextManager[None]:
        """While a tick works, no further image is begun beside it: SQLite gives the interpreter
        away at every row, and a thread that decodes would keep it for milliseconds each time."""

    def stop(self) -> None:
        """Read no more; returns within seconds, whatever is being read."""


class InlineReader:
    """Reads inside the tick, LOOK_S seconds at most, and one image at least."""

    def __init__(
        self,
        connector: Connector,
        config: Config,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connector, self._config, self._monotonic = connector, config, monotonic
        self._queue: deque[Wanted] = deque()
        self._failure: Exception | None = None

    def ask(self, wanted: Sequence[Wanted]) -> None:
        """Look into these instead of what was asked for before."""
        self._queue = deque(wanted)
        self._failure = None

    def finished(self) -> Iterator[Reading]:
        """Read now, and hand over one by one."""
        until, self._failure = self._monotonic() + LOOK_S, None
        while self._queue:
            done = read_image(self._connector, self._config, self._queue[0])
            if isinstance(done, Postponed):
                self._failure = done.cause
                return
            self._queue.popleft()
            yield done
            if self._monotonic() > until:
                self._queue.clear()

    def failure(self) -> Exception | None:
        """What ended the last `finished`."""
        return self._failure

    def left(self) -> int:
        """How many wait behind a failure."""
        return len(self._queue)

    def resting(self) -> AbstractContextManager[None]:
        """Nothing to do: only the tick reads."""
        return nullcontext()

    def stop(self) -> None:
        """Forget what was asked for."""
        self._queue.clear()


class BackgroundReader:
    """Reads in a thread of its own, one image at a time; a tick takes what is done.

    connector: used by the thread alone. wake: called, from any thread, when a tick is worth while:
    all is read, or a tick had no time for all that was.
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
        self._changed = threading.Condition()  # guards all below
        self._queue: deque[Wanted] = deque()
        self._begun: Wanted | None = None
        self._done: deque[Reading] = deque()
        self._failure: Exception | None = None
        self._waits = False  # after a failure, for the next tick
        self._rests = False  # while a tick works
        self._stopped = False
        self._thread: threading.Thread | None = None

    def ask(self, wanted: Sequence[Wanted]) -> None:
        """Look into these; the thread begins at the first call."""
        with self._changed:
            there = [reading.wanted for reading in self._done]
            keys = {one.found.key for one in (*there, *filter(None, [self._begun]))}
            self._queue = deque(one for one in wanted if one.found.key not in keys)
            if not wanted:
                self._failure = None
            self._go_on()

    def finished(self) -> Iterator[Reading]:
        """Take what is done; TAKE_S seconds at most, and one at least."""
        until = self._monotonic() + TAKE_S
        with self._changed:
            self._waits = False
            self._go_on()
        while (reading := self._taken()) is not None:
            yield reading
            if self._monotonic() > until:
                self._wake()
                return

    def failure(self) -> Exception | None:
        """What the newest reading that came to an end had to wait for."""
        with self._changed:
            return self._failure

    def left(self) -> int:
        """How many are not begun, being read, or not taken."""
        with self._changed:
            return len(self._queue) + len(self._done) + (self._begun is not None)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Begin no image inside; one that is begun goes on."""
        with self._changed:
            self._rests = True
        try:
            yield
        finally:
            with self._changed:
                self._rests = False
                self._changed.notify()

    def stop(self) -> None:
        """Wait STOP_S seconds at most for the image that is being read."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(STOP_S)

    def _go_on(self) -> None:
        """Have a thread that reads, also where the last one died of a fault of ours."""
        if self._thread is not None and self._thread.is_alive():
            self._changed.notify()
        elif self._queue or self._begun is not None:
            if self._begun is not None:
                self._queue.append(self._begun)
                self._begun = None
            self._thread = threading.Thread(target=self._work, name="images", daemon=True)
            self._thread.start()

    def _taken(self) -> Reading | None:
        with self._changed:
            return self._done.popleft() if self._done else None

    def _work(self) -> None:
        while (wanted := self._next()) is not None:
            done = read_image(self._connector, self._config, wanted)
            if self._keep(wanted, done):
                self._wake()

    def _next(self) -> Wanted | None:
        """The next one to read; None where nothing more is to be read at all."""
        with self._changed:
            while not self._stopped and (self._rests or self._waits or not self._queue):
                self._changed.wait()
            self._begun = None if self._stopped else self._queue.popleft()
            return self._begun

    def _keep(self, wanted: Wanted, done: Reading | Postponed) -> bool:
        """Whether all is read now."""
        with self._changed:
            self._begun = None
            if isinstance(done, Postponed):
                self._queue.appendleft(wanted)
                self._failure, self._waits = done.cause, True
                return False
            self._done.append(done)
            self._failure = None
            return not self._queue

"""Work done ahead of its turn, in a few threads; the order stays."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")

THREADS = 2


def done_ahead(
    work: Callable[[T], U], things: Iterable[T], ahead: int
) -> Generator[tuple[T, U], None, None]:
    """Each thing with `work` of it, in order; up to `ahead` are done before they are asked for.

    What `work` raises is raised where the turn of its thing comes.
    """
    for thing, working in tried_ahead(work, things, ahead):
        yield thing, working.result()


def tried_ahead(
    work: Callable[[T], U], things: Iterable[T], ahead: int
) -> Generator[tuple[T, Future[U]], None, None]:
    """As `done_ahead`, with the finished future of each thing: its `result()` raises what `work`
    raised, and the things behind it still come."""
    with ThreadPoolExecutor(THREADS, thread_name_prefix="ahead") as threads:
        waiting: deque[tuple[T, Future[U]]] = deque()
        try:
            for thing in things:
                waiting.append((thing, threads.submit(work, thing)))
                if len(waiting) > ahead:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, working in waiting:
                working.cancel()

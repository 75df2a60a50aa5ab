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
    work: Callable[[T], U],
    things: Iterable[T],
    ahead: int,
    cost: Callable[[T], int] = lambda thing: 0,
    room: int = 0,
) -> Generator[tuple[T, Future[U]], None, None]:
    """As `done_ahead`, with the finished future of each thing: its `result()` raises what `work`
    raised, and the things behind it still come.

    cost, room: the costs of those that wait add up to `room` at most; a larger one waits alone.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="ahead") as threads:
        waiting: deque[tuple[T, Future[U]]] = deque()
        costs: deque[int] = deque()
        try:
            for thing in things:
                price = cost(thing)
                while waiting and sum(costs) + price > room:
                    costs.popleft()
                    yield waiting.popleft()
                waiting.append((thing, threads.submit(work, thing)))
                costs.append(price)
                if len(waiting) > ahead:
                    costs.popleft()
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, working in waiting:
                working.cancel()

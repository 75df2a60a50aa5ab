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
    work: Callable[[T], U],
    things: Iterable[T],
    ahead: int,
    cost: Callable[[T], int] = lambda thing: 0,
    room: int = 0,
) -> Generator[tuple[T, U], None, None]:
    """Each thing with `work` of it, in order; up to `ahead` are done before they are asked for.

    cost, room: the costs of those that wait add up to `room` at most; a larger one waits alone.
    What `work` raises is raised where the turn of its thing comes.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="ahead") as threads:
        waiting: deque[tuple[T, Future[U]]] = deque()
        costs: deque[int] = deque()
        try:
            for thing in things:
                price = cost(thing)
                while waiting and sum(costs) + price > room:
                    costs.popleft()
                    yield _taken(waiting)
                waiting.append((thing, threads.submit(work, thing)))
                costs.append(price)
                if len(waiting) > ahead:
                    costs.popleft()
                    yield _taken(waiting)
            while waiting:
                yield _taken(waiting)
        finally:
            for _, working in waiting:
                working.cancel()


def _taken(waiting: deque[tuple[T, Future[U]]]) -> tuple[T, U]:
    thing, working = waiting.popleft()
    return thing, working.result()

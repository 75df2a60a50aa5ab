"""Compute results in a few threads before their consumer asks for them; the order stays.

For work that releases the interpreter lock: reading, decoding and encoding of images.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

Input = TypeVar("Input")
Output = TypeVar("Output")

THREADS = 2


def prefetch(
    function: Callable[[Input], Output],
    inputs: Iterable[Input],
    depth: int,
    threads: int = THREADS,
) -> Generator[tuple[Input, Output], None, None]:
    """Each input with `function` of it, in order; up to `depth` results are computed in advance.

    Raises what `function` raises, where the turn of its input comes; nothing follows then.
    """
    with closing(prefetch_futures(function, inputs, depth, threads=threads)) as futures:
        for value, future in futures:
            yield value, future.result()


def prefetch_futures(
    function: Callable[[Input], Output],
    inputs: Iterable[Input],
    depth: int,
    cost: Callable[[Input], int] = lambda value: 0,
    max_cost: int = 0,
    threads: int = THREADS,
) -> Generator[tuple[Input, Future[Output]], None, None]:
    """As `prefetch`, with a future in place of each result, so that a failure ends nothing: its
    `result()` waits, and raises what `function` raised.

    cost: of one input, in any unit. max_cost: largest sum of the costs in the queue; an input that
    costs more than that waits in the queue alone. threads: that compute.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="prefetch") as pool:
        queue: deque[tuple[Input, Future[Output]]] = deque()
        costs: deque[int] = deque()
        try:
            for value in inputs:
                value_cost = cost(value)
                while queue and sum(costs) + value_cost > max_cost:
                    costs.popleft()
                    yield queue.popleft()
                queue.append((value, pool.submit(function, value)))
                costs.append(value_cost)
                if len(queue) > depth:
                    costs.popleft()
                    yield queue.popleft()
            while queue:
                yield queue.popleft()
        finally:
            for _, future in queue:
                future.cancel()

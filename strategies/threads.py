"""Work on the rows of large arrays in several threads: where numpy or a compiled loop works, others
run. Each thread has rows of its own, so that their number changes no result."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

Result = TypeVar("Result")
MOST_THREADS = 8  # memory feeds no more of them
PARTS = 4  # for each thread, as some rows take longer than others


def thread_count() -> int:
    """The cores that this process may use, at most 8."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        cores = os.cpu_count() or 1
    return min(cores, MOST_THREADS)


def in_parts(work: Callable[[slice], Result], count: int, threads: int) -> list[Result]:
    """Call work with slices that make up range(count), in so many threads; what it gave, in the
    order of the slices. One thread gets all at once, and starts none."""
    if threads == 1 or count < threads:
        return [work(slice(0, count))]
    bounds = [count * part // (threads * PARTS) for part in range(threads * PARTS + 1)]
    parts = [slice(low, high) for low, high in pairwise(bounds)]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))

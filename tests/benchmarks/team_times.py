"""What the times of requests tell about how people were served; pure. See team.py."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(kw_only=True)
class Served:
    """A fetch and what followed; seconds of one clock. task: None for nothing to do."""

    person: int
    task: int | None
    began: float
    ended: float
    submit_began: float = math.inf
    submit_ended: float = math.inf

    def meets(self, began: float, ended: float) -> bool:
        """Whether the fetch or the submit overlaps this time."""
        times = (self.began, self.ended), (self.submit_began, self.submit_ended)
        return any(first <= ended and began <= last for first, last in times)


@dataclass(kw_only=True)
class Order:
    """task -> position; in force at the earliest from `began`, at the latest until `ended`."""

    places: dict[int, int]
    began: float
    ended: float = math.inf


def first_fetches(fetches: Sequence[Served]) -> dict[int | None, float]:
    """task -> when somebody began to fetch it for the first time; never is infinite."""
    first: dict[int | None, float] = defaultdict(lambda: math.inf)
    for one in fetches:
        first[one.task] = min(first[one.task], one.began)
    return first


def inversions(fetches: Sequence[Served], orders: Sequence[Order]) -> int:
    """Fetches of a task while one that nobody had fetched yet stood before it all the time."""
    first = first_fetches(fetches)
    return sum(_skipped(one, orders, first) for one in fetches if one.task is not None)


def idle(fetches: Sequence[Served], orders: Sequence[Order]) -> int:
    """How often nothing was handed out while there was a task that nobody had fetched yet."""
    first = first_fetches(fetches)
    return sum(
        any(first[task] > one.ended for task in orders[0].places)
        for one in fetches
        if one.task is None
    )


def _skipped(one: Served, orders: Sequence[Order], first: Mapping[int | None, float]) -> bool:
    possible = [
        order.places
        for order in orders
        if order.began <= one.ended and one.began <= order.ended and one.task in order.places
    ]
    free = [task for task in orders[0].places if first[task] > one.ended]
    return bool(possible) and any(
        all(task in places and places[task] < places[one.task or 0] for places in possible)
        for task in free
    )


def doubles(served: Sequence[Served]) -> list[bool]:
    """One for each fetch of a task that another person had: whether the two overlap."""
    by_task: dict[int | None, list[Served]] = defaultdict(list)
    for one in sorted((one for one in served if one.task is not None), key=lambda one: one.began):
        by_task[one.task].append(one)
    return [
        any(before.meets(one.began, one.ended) for before in same[:place])
        for same in by_task.values()
        for place, one in enumerate(same)
        if place and any(before.person != one.person for before in same[:place])
    ]

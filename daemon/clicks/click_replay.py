"""The answer to a list of clicks as a pure function of it: its prefixes are answered in order.

An engine needs the answer to all clicks but the last. It is computed from the clicks themselves, so
that an undone or moved click needs no special case; the newest answers are kept, so that the usual
case is one computation.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace

from daemon.clicks.click import Click, ClickEngine, ClickQuestion, ObjectProbability

MOST_BYTES = 64 * 2**20  # of the answers that are kept, together


@dataclass(frozen=True, kw_only=True)
class ClickSource:
    """What an answer depends on besides the clicks and the engine.

    image: its content hash. model: version of the model whose prior or network answers; "" for
    none. initial: names the mask to start from; "" for none.
    usual_area_px: of the question.
    """

    image: str
    model: str = ""
    initial: str = ""
    usual_area_px: float | None = None


@dataclass(frozen=True, kw_only=True)
class ClickAnswer:
    """probability: the answer. computed: how many clicks were computed now; the rest was kept."""

    probability: ObjectProbability
    computed: int


class ReplayedClicks:
    """Answers lists of clicks and keeps the newest answers. Thread-safe: two threads may compute
    the same answer, which is the same to the byte."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._kept: OrderedDict[Hashable, ObjectProbability] = OrderedDict()
        self._lock = threading.Lock()

    def answer(
        self, engine: ClickEngine, source: ClickSource, question: ClickQuestion
    ) -> ClickAnswer:
        """The answer to the question, whose `previous` is not looked at.

        source: must differ where the image, the prior or the initial mask of the question do.
        """
        clicks = question.clicks
        if not clicks:
            raise ValueError("got no clicks; expected at least one")
        known, previous = self._longest(engine.name, source, clicks)
        for count in range(known + 1, len(clicks) + 1):
            asked = replace(question, clicks=clicks[:count], previous=previous)
            previous = _frozen(engine.segment(asked))
            self._keep((engine.name, source, clicks[:count]), previous)
        if previous is None:
            raise ValueError("no answer")  # clicks are not empty
        return ClickAnswer(probability=previous, computed=len(clicks) - known)

    def _longest(
        self, engine: str, source: ClickSource, clicks: tuple[Click, ...]
    ) -> tuple[int, ObjectProbability | None]:
        """The longest prefix with an answer that is kept: its length and the answer."""
        with self._lock:
            for count in range(len(clicks), 0, -1):
                key = (engine, source, clicks[:count])
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return count, self._kept[key]
        return 0, None

    def _keep(self, key: Hashable, answer: ObjectProbability) -> None:
        with self._lock:
            before = self._kept.pop(key, None)
            self._kept[key] = answer
            self._bytes += answer.values.nbytes - (before.values.nbytes if before else 0)
            while self._bytes > self._most_bytes and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].values.nbytes


def _frozen(answer: ObjectProbability) -> ObjectProbability:
    """The answer, read-only: several threads see it."""
    answer.values.setflags(write=False)
    return answer

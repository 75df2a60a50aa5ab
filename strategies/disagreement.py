"""Images over which the parts of the model disagree: teacher and student, context and detail.

Query by committee: Seung, Opper & Sompolinsky, COLT 1992; the Jensen-Shannon divergence as the
disagreement: McCallum & Nigam, "Employing EM and Pool-Based Active Learning for Text
Classification", ICML 1998. Here the committee costs nothing: it is the averaged and the last
weights of one training, and the two branches of one network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from strategies.base import Field, FloatArray, Pool
from strategies.checks import check, need
from strategies.explanations import SCALES, TEACHER, by_place
from strategies.ranking import largest_first, places

WORDS: dict[Field, Sequence[str]] = {"teacher_disagreement": TEACHER, "scale_disagreement": SCALES}


@dataclass(frozen=True)
class Disagreement:
    """Rank by the mean place in what there is of teacher_disagreement and scale_disagreement.

    Places, since one is often ten times the other and would decide alone.
    """

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return ids, most disagreement first. O(N log N). Needs one of the two."""
        check(pool, n)
        return largest_first(pool, _total(_measured(pool)), n)

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """Of each measure how much, with the place in the pool."""
        words = [
            by_place(pool, picks, values, WORDS[name]) for name, values in _measured(pool).items()
        ]
        return ["; ".join(parts) for parts in zip(*words, strict=True)]


def _measured(pool: Pool) -> dict[Field, FloatArray]:
    found = {name: values for name in WORDS if (values := getattr(pool, name)) is not None}
    if not found:
        cure = "nor teacher_disagreement; either will do, and both come with the first model"
        need(pool, "scale_disagreement", "disagreement", cure)
    return found


def _total(measured: dict[Field, FloatArray]) -> npt.NDArray[np.int64]:
    """Minus the sum of the places: (N,)."""
    total = np.zeros(len(next(iter(measured.values()))), dtype=np.int64)
    for values in measured.values():
        total -= places(values)
    return total

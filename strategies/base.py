"""What a query strategy gets and gives: the contract, once.

A strategy is pure: no clock, no file, no global random state. The contract suite
(tests/contract/test_strategies.py) runs it with every registered one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from daemon.domain.errors import PoolInvalid

FloatArray = npt.NDArray[np.float32]
IdArray = npt.NDArray[np.int64]


def _no_rows() -> FloatArray:
    return np.empty((0, 0), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Pool:
    """The unlabeled images that may be chosen, as arrays; row i belongs to the image ids[i].

    ids: (N,) int64, distinct. embeddings: (N, D) float32, L2-normalised. labeled: (L, D)
    float32, the embeddings of the images that are labeled or asked already. uncertainty:
    (N,) float32, 0 = every pixel is sure, 1 = the uncertain pixels are uniform over the classes.
    class_share: (N, C) float32, share of the pixels predicted as each class, background
    first. Every field but ids may be absent; `need` says so in words.
    """

    ids: IdArray
    embeddings: FloatArray | None = None
    labeled: FloatArray = field(default_factory=_no_rows)
    uncertainty: FloatArray | None = None
    class_share: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.ids)


class QueryStrategy(Protocol):
    """Choose which images to label next."""

    def select(self, pool: Pool, n: int, rng: np.random.Generator) -> list[int]:
        """Return the ids of min(n, N) images, the most wanted first; ties break by id.

        Raises PoolInvalid for NaN, inf, wrong shapes, or a field that is needed and absent.
        """
        ...


@runtime_checkable
class GivesReasons(Protocol):
    """What a strategy may offer beside `select`: why it picked an image, in its own words."""

    def reasons(self, pool: Pool, picks: Sequence[int]) -> list[str]:
        """Return one sentence a pick, in their order, that an annotator understands.

        picks: ids that `select` gave, of this pool or of a part of it. Pure, and right whatever
        else was picked beside them. The daemon puts the strategy's name before each.
        """
        ...


__all__ = ["FloatArray", "GivesReasons", "IdArray", "Pool", "PoolInvalid", "QueryStrategy"]

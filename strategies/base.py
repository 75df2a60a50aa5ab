"""What a query strategy gets and gives: the contract, once.

A strategy is pure: no clock, no file, no global random state. The contract suite
(tests/contract/test_strategies.py) runs it with every registered one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from daemon.domain.errors import PoolInvalid

FloatArray = npt.NDArray[np.float32]
IdArray = npt.NDArray[np.int64]


Field = Literal[
    "embeddings",
    "uncertainty",
    "class_share",
    "margin",
    "least_confidence",
    "foreground_uncertainty",
    "class_uncertainty",
    "scale_disagreement",
    "teacher_disagreement",
    "objects",
    "border",
    "foreground_embeddings",
    "gradients",
]
# Name -> dimensions of the fields of a pool with one row an image, besides ids.
PER_IMAGE: Mapping[Field, int] = {
    "embeddings": 2,
    "uncertainty": 1,
    "class_share": 2,
    "margin": 1,
    "least_confidence": 1,
    "foreground_uncertainty": 1,
    "class_uncertainty": 2,
    "scale_disagreement": 1,
    "teacher_disagreement": 1,
    "objects": 2,
    "border": 1,
    "foreground_embeddings": 2,
    "gradients": 2,
}


def _no_rows() -> FloatArray:
    return np.empty((0, 0), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What was measured of the loop when a pool was made, for strategies that change with it.

    cycle: 0 is the seed batch. classes: names, background first. labels: images with a label to
    train on. class_labels: of them, how many hold each class, (C,), or none where that is not
    known. temperature: of the model that scored the pool, found on validation. calibration_error:
    its expected calibration error after that, in [0, 1]. validation_interval: 95 % interval of its
    mIoU. near_duplicates: share of the unlabeled images that look like another one. coverage_p95:
    95th percentile of their Euclidean distance to the nearest labeled image; spread: median
    distance of two of them. None: not known.
    """

    cycle: int
    classes: tuple[str, ...]
    labels: int
    class_labels: tuple[int, ...]
    temperature: float | None = None
    calibration_error: float | None = None
    validation_interval: tuple[float, float] | None = None
    near_duplicates: float | None = None
    coverage_p95: float | None = None
    spread: float | None = None


@dataclass(frozen=True, kw_only=True)
class Regime:
    """How a strategy that changes with what is measured chooses now.

    name: one word. why: a sentence with the numbers that decided, for people; measures: the same
    numbers by name.
    """

    name: str
    why: str
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Pool:
    """The unlabeled images that may be chosen, as arrays; row i belongs to the image ids[i].

    ids: (N,) int64, distinct. embeddings: (N, D) float32, L2-normalised. labeled: (L, D)
    float32, the embeddings of the images that are labeled or asked already. uncertainty:
    (N,) float32, 0 = every pixel is sure, 1 = the uncertain pixels are uniform over the classes.
    class_share: (N, C) float32, share of the pixels predicted as each class, background
    first. Every field but ids may be absent; `need` says so in words.

    The other fields come with a model too. They are float32, and of the most uncertain 5 % of the
    pixels where they are an uncertainty. margin: (N,) in [0, 1], 1 minus the difference of the two
    most probable classes. least_confidence: (N,) in [0, 1], 1 minus the largest probability,
    divided by its largest value 1 - 1/C. foreground_uncertainty: (N,) in [0, 1], the entropy of
    the pixels predicted as foreground; 0 without any. class_uncertainty: (N, C) in [0, 1], the
    same for each predicted class. scale_disagreement: (N,) in [0, 1], how much the context and the
    detail branch of the network differ (Jensen-Shannon divergence in bits). teacher_disagreement:
    (N,) in [0, 1], the same of teacher and student. objects: (N, C), number of connected regions
    predicted as each class. border: (N,) in [0, 1], share of the pixels beside another predicted
    class. foreground_embeddings: (N, D), mean of the features over the predicted foreground,
    L2-normalised; a row of zeros without any. labeled_foreground: (L, D), those of the labeled
    images. gradients: (N, G), the gradient of the loss of the predicted labels at the last layer,
    of bounded size (BADGE, Ash et al. 2020, arXiv 1906.03671), not normalised. signals: what was
    measured of the loop; None: nothing.
    """

    ids: IdArray
    embeddings: FloatArray | None = None
    labeled: FloatArray = field(default_factory=_no_rows)
    uncertainty: FloatArray | None = None
    class_share: FloatArray | None = None
    margin: FloatArray | None = None
    least_confidence: FloatArray | None = None
    foreground_uncertainty: FloatArray | None = None
    class_uncertainty: FloatArray | None = None
    scale_disagreement: FloatArray | None = None
    teacher_disagreement: FloatArray | None = None
    objects: FloatArray | None = None
    border: FloatArray | None = None
    foreground_embeddings: FloatArray | None = None
    labeled_foreground: FloatArray = field(default_factory=_no_rows)
    gradients: FloatArray | None = None
    signals: Signals | None = None

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


@runtime_checkable
class HasRegimes(Protocol):
    """What a strategy may offer beside `select`: how it chooses now, and why."""

    def regime(self, pool: Pool) -> Regime:
        """Pure, and the same for every part of a pool: of its signals and which fields it has."""
        ...


__all__ = [
    "PER_IMAGE",
    "Field",
    "FloatArray",
    "GivesReasons",
    "HasRegimes",
    "IdArray",
    "Pool",
    "PoolInvalid",
    "QueryStrategy",
    "Regime",
    "Signals",
]

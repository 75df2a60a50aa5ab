"""What reviewers made of earlier findings corrects the probabilities of new ones.

Planted errors say how a finding ranks; only people say how often a finding of the user's own labels
is an error. So a logistic model of the probability by planted errors and of the type is fitted to
planted places, which the trees did not see, and to reviewed ones, each of which weighs as much as
five. Below MIN_REVIEWED places nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from daemon.audit.label_components import FloatArray
from daemon.domain.label_findings import FindingType, ReviewedPlace

MIN_REVIEWED = 50  # places
REVIEW_WEIGHT = 5.0  # of a planted place
TYPES = tuple(FindingType)


@dataclass(frozen=True, kw_only=True)
class ReviewCalibration:
    """A logistic model. slope, offset: of the log odds of the probability by planted errors.
    of_type: what a type adds to the offset."""

    slope: float
    offset: float
    of_type: dict[FindingType, float]

    def probability(self, score: FloatArray, types: Sequence[FindingType]) -> FloatArray:
        """(N,): the probability that a person finds an error. score: (N,) by planted errors."""
        added = np.asarray([self.of_type[kind] for kind in types], np.float64)
        odds = self.slope * log_odds(score) + self.offset + added
        found: FloatArray = 1 / (1 + np.exp(-odds))
        return found


def fitted_to_reviews(
    score: FloatArray,
    types: Sequence[FindingType],
    errors: npt.NDArray[np.bool_],
    reviewed: Sequence[ReviewedPlace],
) -> ReviewCalibration | None:
    """Fitted to planted and reviewed places; None for fewer than MIN_REVIEWED reviewed ones, and
    where the two together say that higher scores are less suspicious.

    score, types, errors: of N planted places, scored by a model that did not learn from them.
    """
    if len(reviewed) < MIN_REVIEWED:
        return None
    rows = _design(
        np.concatenate([score, [place.planted_precision for place in reviewed]]),
        [*types, *(place.type for place in reviewed)],
    )
    truth = np.concatenate([errors, [place.is_error for place in reviewed]])
    if truth.all() or not truth.any():
        return None
    weight = np.repeat([1.0, REVIEW_WEIGHT], [len(score), len(reviewed)])
    found = LogisticRegression(max_iter=1000).fit(rows, truth, sample_weight=weight)
    slope, *added = found.coef_[0].tolist()
    if slope <= 0:
        return None
    return ReviewCalibration(
        slope=slope,
        offset=float(found.intercept_[0]),
        of_type=dict(zip(TYPES, added, strict=True)),
    )


def log_odds(score: FloatArray) -> FloatArray:
    """The log odds of probabilities, limited to what float64 can tell from 0 and 1."""
    limited = np.clip(score, 1e-9, 1 - 1e-9)
    return np.log(limited / (1 - limited))


def _design(score: FloatArray, types: Sequence[FindingType]) -> FloatArray:
    """(N, 1 + types): log odds, and which type."""
    names = np.asarray([TYPES.index(kind) for kind in types])
    return np.column_stack([log_odds(score), names[:, None] == np.arange(len(TYPES))])

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
from scipy import optimize, special

from daemon.audit.label_components import FloatArray
from daemon.domain.label_findings import FindingType, ReviewedPlace

MIN_REVIEWED = 50  # places
REVIEW_WEIGHT = 5.0  # of a planted place
LEAST_SLOPE = 0.1  # so that a higher score stays more suspicious, whatever reviewers found
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
    """Fitted to planted and reviewed places; None for fewer than MIN_REVIEWED reviewed ones.

    score, types, errors: of N planted places, scored by a model that did not learn from them.
    """
    if len(reviewed) < MIN_REVIEWED:
        return None
    odds = log_odds(np.concatenate([score, [place.planted_precision for place in reviewed]]))
    numbers = [TYPES.index(kind) for kind in (*types, *(place.type for place in reviewed))]
    truth = np.concatenate([errors, [place.is_error for place in reviewed]]).astype(np.float64)
    weight = np.repeat([1.0, REVIEW_WEIGHT], [len(score), len(reviewed)])
    slope, offset, *added = _fitted(odds, np.asarray(numbers), truth, weight)
    return ReviewCalibration(
        slope=slope, offset=offset, of_type=dict(zip(TYPES, added, strict=True))
    )


def _fitted(
    odds: FloatArray, types: npt.NDArray[np.int64], truth: FloatArray, weight: FloatArray
) -> list[float]:
    """Slope, offset and offsets of the types: the largest weighted likelihood, less half of the sum
    of the squares of the types' offsets, so that a type without reviews goes by the others."""
    rows = np.column_stack([odds, np.ones(len(odds)), types[:, None] == np.arange(len(TYPES))])
    held = np.asarray([0.0, 0.0] + [1.0] * len(TYPES))

    def loss(terms: FloatArray) -> tuple[float, FloatArray]:
        found = rows @ terms
        value = weight @ (np.logaddexp(0, found) - truth * found) + 0.5 * held @ terms**2
        slopes: FloatArray = rows.T @ (weight * (special.expit(found) - truth)) + held * terms
        return float(value), slopes

    start = np.asarray([1.0] + [0.0] * (1 + len(TYPES)))
    bounds = [(LEAST_SLOPE, None)] + [(None, None)] * (1 + len(TYPES))
    best = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    terms: list[float] = best.x.tolist()
    return terms


def log_odds(score: FloatArray) -> FloatArray:
    """The log odds of probabilities, limited to what float64 can tell from 0 and 1."""
    limited = np.clip(score, 1e-9, 1 - 1e-9)
    return np.log(limited / (1 - limited))

"""P(error | features, type, pair of classes), fitted to planted errors.

Components: boosted trees over clean and the families of planted errors; the probability of an error
is 1 - P(clean). Blobs: boosted trees over clean and error. Both know the pair of classes (label,
model), since a model confuses some pairs much more often than others. A place takes the larger
probability of its two sources, which a logistic fit over images that the trees did not see makes a
probability again. Trees, since a logistic model of the same features ranks clearly worse: what is
suspicious of a small object is not so of a large one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from daemon.audit.blob_features import NAMES
from daemon.audit.finding_order import FURTHER_PLACE, size_weight
from daemon.audit.label_components import FloatArray
from daemon.audit.planting import Planted
from daemon.audit.review_calibration import log_odds
from daemon.audit.suspects import CLEAN, KINDS, TYPES, UNCLEAR, IntArray, Rows, Suspects
from daemon.domain.label_findings import FindingType

MIN_ERRORS = 20  # planted errors, for a fit
FOLDS = 5
RISING = (
    "mass",
    "size",
    "gap",
)  # features of a blob: planted ones are never as large as a field row
TREES = {
    "max_depth": 3,
    "learning_rate": 0.06,
    "max_iter": 80,
    "min_samples_leaf": 20,
    "l2_regularization": 5.0,
    "random_state": 0,
}
FAMILY = {  # planted error -> what a person would call it
    Planted.SWAP: FindingType.SWAP,
    Planted.DROP: FindingType.MISSING,
    Planted.CUT: FindingType.UNLABELED_PART,
    Planted.ERODE: FindingType.UNLABELED_PART,
    Planted.DILATE: FindingType.OUTSIDE,
    Planted.PHANTOM: FindingType.OUTSIDE,
    Planted.SHIFT: FindingType.SHIFT,
}
FAMILY_OF_TRUTH = np.asarray([-1, *(TYPES.index(FAMILY[kind]) for kind in KINDS)])


@dataclass(frozen=True, kw_only=True)
class Places:
    """The places that a person would look at, (N,) each: components, and blobs beside them.

    component, blob: row of each in the suspects, -1 for none. by_blob: whether the blob says what
    is wrong, else the component. score: probability of an error. type: index of a FindingType.
    truth: as in `Rows`. image: number of the image. area: pixels of the place.
    """

    component: IntArray
    blob: IntArray
    by_blob: npt.NDArray[np.bool_]
    score: FloatArray
    type: IntArray
    truth: IntArray
    image: IntArray
    area: IntArray

    def __len__(self) -> int:
        return len(self.score)

    def urgency(self) -> FloatArray:
        """(N,): the probability of an error by the weight of the size, in [0, 1]."""
        return self.score * size_weight(self.area)

    def priority(self) -> FloatArray:
        """(N,): what places are sorted by, in [0, 1]: of two that are equally likely to hold an
        error the larger one comes first, since it spoils more of the training; each further place
        of an image counts half of the one before, since whoever opens the image sees them all."""
        alone = self.urgency()
        order = np.lexsort((-alone, self.image))
        images = self.image[order]
        before = np.arange(len(order)) - np.searchsorted(images, images, side="left")
        found = np.empty(len(self))
        found[order] = alone[order] * FURTHER_PLACE**before
        return found


@dataclass(frozen=True, kw_only=True)
class ErrorModel:
    """Fitted to planted errors. components, blobs: the models; None: too few errors, or clean rows,
    to fit one. slope, offset: of the calibration of the larger of two log odds."""

    components: HistGradientBoostingClassifier | None
    blobs: HistGradientBoostingClassifier | None
    pairs: tuple[tuple[int, int], ...]
    slope: float = 1.0
    offset: float = 0.0

    def places(self, suspects: Suspects) -> Places:
        """The places of these suspects with calibrated probabilities."""
        found = self.raw_places(suspects)
        odds = self.slope * log_odds(found.score) + self.offset
        calibrated = 1 / (1 + np.exp(-odds))
        return Places(**{**vars(found), "score": calibrated})

    def raw_places(self, suspects: Suspects) -> Places:
        """The same before calibration."""
        components, blobs = suspects.components, suspects.blobs
        own, family = self._of_components(components)
        return merged(components, blobs, own, family, self._of_blobs(blobs))

    def _of_components(self, rows: Rows) -> tuple[FloatArray, IntArray]:
        """(n,) each: the probability of an error, and its most probable family."""
        if self.components is None or not len(rows):
            return np.zeros(len(rows)), rows.type
        chances = self.components.predict_proba(design(rows, self.pairs))
        classes = self.components.classes_
        clean = classes == -1
        if clean.all():
            return np.zeros(len(rows)), rows.type
        family = classes[~clean][chances[:, ~clean].argmax(axis=1)]
        return chances[:, ~clean].sum(axis=1), family

    def _of_blobs(self, rows: Rows) -> FloatArray:
        if self.blobs is None or not len(rows):
            return np.zeros(len(rows))
        chances: FloatArray = self.blobs.predict_proba(design(rows, self.pairs))[:, 1]
        return chances


def fit(planted: Suspects, images: int) -> ErrorModel | None:
    """Fit to suspects with a truth; None where fewer than MIN_ERRORS planted errors are among them.

    images: how many were audited; the calibration leaves out a fifth of them at a time.
    """
    errors = (planted.components.truth > CLEAN).sum() + (planted.blobs.truth > CLEAN).sum()
    if errors < MIN_ERRORS:
        return None
    plain = _fit(planted)
    folds = min(FOLDS, images)
    if folds < 2:
        return plain
    scores, truths = [], []
    for fold in range(folds):
        inside = _fit(_of_images(planted, folds, fold, held_out=False))
        places = inside.raw_places(_of_images(planted, folds, fold, held_out=True))
        scores.append(places.score)
        truths.append(places.truth)
    slope, offset = _calibration(np.concatenate(scores), np.concatenate(truths))
    return ErrorModel(
        components=plain.components,
        blobs=plain.blobs,
        pairs=plain.pairs,
        slope=slope,
        offset=offset,
    )


def held_out_places(planted: Suspects, judged: Suspects, images: int) -> Places | None:
    """The places of `judged` as models score them that were fitted, calibration included, to the
    `planted` of the other half of the images; None where they are too few.

    The rows of the result are those of `judged`.
    """
    parts = []
    for half in (0, 1):
        model = fit(_of_images(planted, 2, half, held_out=False), images)
        if model is None:
            return None
        places = model.places(judged)
        mine = places.image % 2 == half
        parts.append({name: column[mine] for name, column in vars(places).items()})
    return Places(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def merged(
    components: Rows, blobs: Rows, own: FloatArray, family: IntArray, of_blobs: FloatArray
) -> Places:
    """One place for each component, with its most probable blob if it has any, and one for each
    further blob.

    own, of_blobs: probability of an error of each row. A component and its first blob are one
    place: the larger probability counts.
    """
    first = np.full(len(components), -1)
    for row in np.argsort(of_blobs, kind="stable"):
        if blobs.owner[row] >= 0:
            first[blobs.owner[row]] = row
    further = np.setdiff1d(np.arange(len(blobs)), first)
    blob_score = np.where(first >= 0, of_blobs[first] if len(blobs) else 0, 0)
    both = first >= 0
    by_blob = both & (blob_score >= own)
    kind = np.where(by_blob, _taken(blobs.type, first), family)
    truth = np.where(
        both, np.maximum(components.truth, _taken(blobs.truth, first)), components.truth
    )
    return Places(
        component=np.concatenate([np.arange(len(components)), np.full(len(further), -1)]),
        blob=np.concatenate([first, further]),
        by_blob=np.concatenate([by_blob, np.ones(len(further), bool)]),
        score=np.concatenate([np.maximum(own, blob_score), of_blobs[further]]),
        type=np.concatenate([kind, blobs.type[further]]),
        truth=np.concatenate([truth, _truth_of_further(components, blobs, further)]),
        image=np.concatenate([components.image, blobs.image[further]]),
        area=np.concatenate(
            [np.where(by_blob, _taken(blobs.area, first), components.area), blobs.area[further]]
        ),
    )


def _truth_of_further(components: Rows, blobs: Rows, further: IntArray) -> IntArray:
    """A second blob of a planted component is neither a further error nor a false alarm."""
    truth, owner = blobs.truth[further], blobs.owner[further]
    planted = (owner >= 0) & (_taken(components.truth, owner) != CLEAN)
    return np.where(planted, UNCLEAR, truth)


def _taken(values: IntArray, rows: IntArray) -> IntArray:
    """values[rows]; anything where rows is -1."""
    return values[rows] if len(values) else np.zeros(len(rows), np.int64)


def design(rows: Rows, pairs: Sequence[tuple[int, int]]) -> FloatArray:
    """(N, F + pairs + types): features, the pair of classes and the type."""
    codes = [(rows.labeled == one) & (rows.proposed == other) for one, other in pairs]
    types = [rows.type == number for number in range(len(TYPES))]
    return np.concatenate(
        [rows.features, np.stack([*codes, *types], axis=1).astype(np.float64)], axis=1
    )


def _fit(planted: Suspects) -> ErrorModel:
    components = planted.components.at(planted.components.truth != UNCLEAR)
    blobs = planted.blobs.at(planted.blobs.truth != UNCLEAR)
    seen = {
        (int(one), int(other))
        for rows in (components, blobs)
        for one, other in zip(rows.labeled, rows.proposed, strict=True)
    }
    pairs = tuple(sorted(seen))
    families = FAMILY_OF_TRUTH[components.truth]
    return ErrorModel(
        components=_trees(components, families, pairs),
        blobs=_trees(blobs, blobs.truth > CLEAN, pairs, monotonic_cst=_rising(blobs, pairs)),
        pairs=pairs,
    )


def _rising(rows: Rows, pairs: Sequence[tuple[int, int]]) -> IntArray:
    """(columns,): 1 where a larger value must not make an error less probable, else 0."""
    found = np.zeros(design(rows.at(np.arange(0)), pairs).shape[1], np.int64)
    found[[NAMES.index(name) for name in RISING]] = 1
    return found


def _trees(
    rows: Rows,
    truth: npt.NDArray[np.generic],
    pairs: Sequence[tuple[int, int]],
    **further: object,
) -> HistGradientBoostingClassifier | None:
    """Fitted trees; None where all rows are of one kind. further: arguments of the trees."""
    if len(np.unique(truth)) < 2:
        return None
    return HistGradientBoostingClassifier(**TREES, **further).fit(design(rows, pairs), truth)


def _calibration(scores: FloatArray, truths: IntArray) -> tuple[float, float]:
    """(slope, offset) of log odds, fitted to places that the models did not see."""
    known = truths != UNCLEAR
    errors = truths[known] > CLEAN
    if len(np.unique(errors)) < 2:
        return 1.0, 0.0
    found = LogisticRegression(C=1e6).fit(log_odds(scores[known])[:, None], errors)
    slope = float(found.coef_[0, 0])
    return (slope, float(found.intercept_[0])) if slope > 0 else (1.0, 0.0)


def _of_images(suspects: Suspects, folds: int, fold: int, *, held_out: bool) -> Suspects:
    """The suspects of the images of a fold, or of all the others."""
    chosen = [
        (rows.image % folds == fold) == held_out for rows in (suspects.components, suspects.blobs)
    ]
    components = suspects.components.at(chosen[0])
    blobs = suspects.blobs.at(chosen[1])
    numbers = np.full(len(suspects.components) + 1, -1)
    numbers[:-1][chosen[0]] = np.arange(chosen[0].sum())
    owner = numbers[blobs.owner]
    return Suspects(components=components, blobs=Rows(**{**vars(blobs), "owner": owner}))

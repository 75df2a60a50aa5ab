"""How well the audit finds planted errors: AUROC by kind, precision of the top, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict
from sklearn.metrics import average_precision_score, roc_auc_score

from daemon.audit.error_model import Places
from daemon.audit.label_components import BACKGROUND, FloatArray
from daemon.audit.planting import Planted
from daemon.audit.suspects import CLEAN, KINDS, UNCLEAR, IntArray, Suspects

TOP = (20, 50, 100)
TOP_OF_IMAGE = 3  # places whose scores rank an image


class Table(BaseModel):
    """Frozen, and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KindTable(Table):
    """One kind of planted error. planted: how many. found: of these, how many have any candidate.
    auroc, auprc: of its places among clean ones; None without any."""

    planted: int
    found: int
    auroc: float | None = None
    auprc: float | None = None


class TopTable(Table):
    """The k most suspicious places. precision: share with a planted error. expected: mean of their
    probabilities. lift: precision by the base rate. recall: share of all planted errors there."""

    precision: float
    expected: float
    lift: float
    recall: float


class PlantTable(Table):
    """Planted errors and how they were ranked by models that were fitted to other images.

    kinds, top: by kind and by k. base_rate: share of the labeled components with an error.
    place_rate: of all places. image_auroc: of images with an error, by the sum of their
    TOP_OF_IMAGE highest scores; image_rate: share of such images. digest: sha256 of all that was
    planted.
    """

    images: int
    components: int
    errors: int
    base_rate: float
    place_rate: float
    kinds: Mapping[str, KindTable]
    top: Mapping[int, TopTable]
    image_auroc: float | None
    image_rate: float
    digest: str


def plant_table(
    planted: Suspects,
    places: Places,
    errors: Sequence[tuple[int, Planted]],
    images: int,
    digest: str,
) -> PlantTable:
    """The table of one round of planting.

    places: held out, see `error_model.held_out_places`. errors: (image, kind) of each that was
    planted.
    """
    known = places.truth != UNCLEAR
    truth = planted.components.truth
    wrong = np.zeros(images, bool)
    wrong[[image for image, _ in errors]] = True
    by_image = image_scores(places, images)
    return PlantTable(
        images=images,
        components=len(planted.components),
        errors=len(errors),
        base_rate=float((truth > CLEAN).sum() / max((truth != UNCLEAR).sum(), 1)),
        place_rate=float((places.truth[known] > CLEAN).mean()) if known.any() else 0.0,
        kinds={kind.value: _kind_table(kind, planted, places, errors) for kind in Planted},
        top=_top(places, known, len(errors)),
        image_auroc=_auroc(wrong, by_image),
        image_rate=float(wrong.mean()) if images else 0.0,
        digest=digest,
    )


def image_scores(places: Places, images: int) -> FloatArray:
    """(images,): the sum of the TOP_OF_IMAGE highest scores of each image."""
    found = np.zeros(images)
    order = np.lexsort((-places.score, places.image))
    image, score = places.image[order], places.score[order]
    first = np.searchsorted(image, image, side="left")
    leading = np.arange(len(image)) - first < TOP_OF_IMAGE
    np.add.at(found, image[leading], score[leading])
    return found


def _kind_table(
    kind: Planted,
    planted: Suspects,
    places: Places,
    errors: Sequence[tuple[int, Planted]],
) -> KindTable:
    number = 1 + KINDS.index(kind)
    chosen = (places.truth == CLEAN) | (places.truth == number)
    if kind is Planted.DROP:  # compared with other pixels that the label leaves to background
        background = planted.blobs.labeled == BACKGROUND
        chosen &= (places.blob >= 0) & (background[places.blob] if len(background) else False)
    else:
        chosen &= places.component >= 0
    is_error, score = places.truth[chosen] == number, places.score[chosen]
    return KindTable(
        planted=sum(one is kind for _, one in errors),
        found=len(_errors_found(planted, number)),
        auroc=_auroc(is_error, score),
        auprc=float(average_precision_score(is_error, score)) if is_error.any() else None,
    )


def _errors_found(planted: Suspects, number: int) -> set[tuple[int, int]]:
    """(image, error) of the planted errors of a kind that a component or blob points to."""
    return {
        (int(image), int(error))
        for rows in (planted.components, planted.blobs)
        for image, error, truth in zip(rows.image, rows.error, rows.truth, strict=True)
        if truth == number and error
    }


def _top(places: Places, known: npt.NDArray[np.bool_], errors: int) -> dict[int, TopTable]:
    """The first of the list that people see, by priority."""
    score, is_error = places.score[known], places.truth[known] > CLEAN
    order = np.argsort(-places.priority()[known], kind="stable")
    base = float(is_error.mean()) if len(is_error) else 0.0
    found = {}
    for k in TOP:
        if k > len(order):
            break
        hits = is_error[order[:k]]
        found[k] = TopTable(
            precision=float(hits.mean()),
            expected=float(score[order[:k]].mean()),
            lift=float(hits.mean() / base) if base else 0.0,
            recall=float(hits.sum() / max(errors, 1)),
        )
    return found


def _auroc(truth: IntArray, score: FloatArray) -> float | None:
    return float(roc_auc_score(truth, score)) if 0 < truth.sum() < len(truth) else None

"""Where the images of a batch stand among all images that could have been chosen. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from daemon.insight.view_model import Share, ViewModel

Ids = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]

# Measure of a model -> what more of it means.
MEASURES: Mapping[str, str] = {
    "uncertainty": "unsure of its most uncertain pixels",
    "margin": "hesitates between two classes",
    "least_confidence": "trusts its answer little",
    "foreground_uncertainty": "unsure where it sees foreground",
    "scale_disagreement": "answers otherwise from near than from afar",
    "teacher_disagreement": "two versions of the model disagree",
    "border": "sees many outlines",
}


class ScorePlace(ViewModel):
    """How much of a measure an image has, among all that could have been chosen."""

    measure: str
    """The name of the measure, for programs."""
    words: str
    """What more of it means, to be read after "the model"."""
    value: float
    """The measure, in [0, 1]."""
    place: int
    """1 is the image with most of it; equal ones share a place."""
    of: int
    """How many images could have been chosen."""
    below: Share
    """Share of them with less of it: 0.98 is the 98th percentile."""


class NearestImage(ViewModel):
    """The most alike image among those that were labeled or asked when the batch was chosen."""

    image_id: int
    """Number of the image in the store."""
    similarity: float
    """Cosine similarity of the embeddings, in [-1, 1]; 1: as good as the same picture."""


def score_places(
    measures: Mapping[str, Floats], candidates: Rows, wanted: Rows
) -> list[tuple[ScorePlace, ...]]:
    """The places of the wanted rows (P,) among the candidates (M,), for each measure (N,)."""
    found: list[list[ScorePlace]] = [[] for _ in wanted]
    for name, words in MEASURES.items():
        if (values := measures.get(name)) is None or not len(candidates):
            continue
        rising = np.sort(values[candidates])
        mine = values[wanted]
        above = len(rising) - np.searchsorted(rising, mine, side="right")
        below = np.searchsorted(rising, mine, side="left") / len(rising)
        for parts, value, more, share in zip(found, mine, above, below, strict=True):
            parts.append(
                ScorePlace(
                    measure=name,
                    words=words,
                    value=float(value),
                    place=1 + int(more),
                    of=len(rising),
                    below=float(share),
                )
            )
    return [tuple(parts) for parts in found]


def nearest_images(wanted: Floats, labeled: Floats, ids: Ids) -> list[NearestImage | None]:
    """The most alike of the labeled images for each wanted one; None without any.

    wanted: (P, D) and labeled: (L, D), L2-normalised. ids: (L,); of equally alike ones the lowest.
    """
    if not len(ids):
        return [None] * len(wanted)
    order = np.argsort(ids)
    alike = wanted @ labeled[order].T  # (P, L)
    best = alike.argmax(axis=1)
    return [
        NearestImage(
            image_id=int(ids[order[column]]),
            similarity=float(np.clip(alike[row, column], -1, 1)),
        )
        for row, column in enumerate(best)
    ]


def held_classes(share: Floats, names: Sequence[str], least: float = 0.001) -> list[list[str]]:
    """The names of the classes that a model sees in at least that share of an image; (P, C)."""
    known = names[: share.shape[1]]
    return [
        [name for name, part in zip(known, row, strict=False) if part >= least] for row in share
    ]

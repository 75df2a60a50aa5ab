"""Oddities of a label that need no calibration to be worth a look."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from daemon.audit.label_components import BACKGROUND, EIGHT
from daemon.domain import IGNORE, Mask

SLIVER_PX = 10
MIN_SLIVERS = 5  # of one image: single ones are common
SURE, SURE_PX = 0.9, 400  # probability of an object, over so many pixels


EMPTY_SCORE = 0.15  # as a probable error of some hundred pixels
SLIVER_SCORE = 0.02  # crumbs: after all that is likely to be an error


class Oddity(NamedTuple):
    """What is odd about a label, and where it stands among the findings, in [0, 1]."""

    sentence: str
    score: float


def odd_mask(mask: Mask, model: Mask, confidence: npt.NDArray[np.float32]) -> Iterator[Oddity]:
    """What is odd about one label (H, W). model: the model's classes; confidence: of them."""
    if not np.isin(mask, (BACKGROUND, IGNORE), invert=True).any():
        sure = int(((model != BACKGROUND) & (confidence >= SURE) & (mask != IGNORE)).sum())
        if sure >= SURE_PX:
            words = f"Nothing is labeled; the model is sure of objects on {sure} pixels."
            yield Oddity(words, EMPTY_SCORE)
    slivers = 0
    for value in np.flatnonzero(np.bincount(mask.ravel(), minlength=256)):
        if value not in (BACKGROUND, IGNORE):
            part, count = ndimage.label(mask == value, structure=EIGHT)
            slivers += int((np.bincount(part.ravel())[1:] < SLIVER_PX).sum()) if count else 0
    if slivers >= MIN_SLIVERS:
        words = f"The label has {slivers} parts of fewer than {SLIVER_PX} pixels."
        yield Oddity(words, SLIVER_SCORE)

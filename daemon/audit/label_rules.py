"""Oddities of a label that need no calibration to be worth a look."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from daemon.audit.label_components import BACKGROUND, EIGHT
from daemon.domain import IGNORE, Mask

SLIVER_PX = 10
MIN_SLIVERS = 5  # of one image: single ones are common
SURE, SURE_PX = 0.9, 400  # probability of an object, over so many pixels
MIN_LABELS = 20  # of an annotator, before a class that never occurs is odd
EMPTY_SCORE = 0.15  # as a probable error of some hundred pixels
NEVER_USED_SCORE = 0.15  # whoever does not know a class misses all of it
SLIVER_SCORE = 0.02  # crumbs: after all that is likely to be an error
Confidence = npt.NDArray[np.float32]


class Oddity(NamedTuple):
    """What is odd about a label, and where it stands among the findings, in [0, 1]."""

    sentence: str
    score: float


def odd_mask(mask: Mask, model: Mask, confidence: Confidence) -> Iterator[Oddity]:
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


@dataclass(kw_only=True)
class ClassUse:
    """Which classes each annotator uses, to find one that never uses a class. classes: names."""

    classes: tuple[str, ...]
    _labels: Counter[str] = field(default_factory=Counter)
    _used: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _seen: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)

    def add(
        self, number: int, annotator: str, mask: Mask, model: Mask, confidence: Confidence
    ) -> None:
        """Take in the label (H, W) of an image; "" for an unknown annotator says nothing.

        model, confidence: (H, W), the classes that the model sees, and their probability.
        """
        if not annotator:
            return
        self._labels[annotator] += 1
        self._used[annotator] |= set(np.flatnonzero(np.bincount(mask.ravel(), minlength=256)))
        sure = (confidence >= SURE) & (mask != IGNORE)
        counts = np.bincount(model[sure], minlength=len(self.classes))
        for value in range(1, len(self.classes)):
            best = self._seen.get((annotator, value), (0, number))
            if counts[value] > best[0]:
                self._seen[annotator, value] = int(counts[value]), number

    def oddities(self) -> Iterator[tuple[int, Oddity]]:
        """Number of an image and what is odd: a class that somebody else uses and its annotator
        never did in MIN_LABELS labels or more, though the model is sure of it; of each annotator
        and class the image with the most such pixels."""
        for (annotator, value), (pixels, number) in self._seen.items():
            others = (other for other in self._used if other != annotator)
            labels = self._labels[annotator]
            if labels < MIN_LABELS or pixels < SURE_PX or value in self._used[annotator]:
                continue
            if any(value in self._used[other] for other in others):
                name = self.classes[value]
                words = (
                    f"None of {labels} compared labels of this annotator has {name}; "
                    f"the model is sure of it on {pixels} pixels here."
                )
                yield number, Oddity(words, NEVER_USED_SCORE)

"""Oddities of a label that need no calibration to be worth a look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from daemon.audit.label_components import BACKGROUND, EIGHT
from daemon.domain import IGNORE, Mask

SLIVER_PX = 10
MIN_SLIVERS = 5  # of one image: single ones are common
SURE, SURE_PX = 0.9, 400  # probability of an object, over so many pixels
FAST_SHARE = 0.02  # of the lead times
MIN_LABELS = 50  # of an annotator, or with a lead time, before a habit is known


def odd_mask(mask: Mask, model: Mask, confidence: npt.NDArray[np.float32]) -> Iterator[str]:
    """Sentences about one label (H, W). model: the model's classes; confidence: of them."""
    if not np.isin(mask, (BACKGROUND, IGNORE), invert=True).any():
        sure = int(((model != BACKGROUND) & (confidence >= SURE) & (mask != IGNORE)).sum())
        if sure >= SURE_PX:
            yield f"Nothing is labeled; the model is sure of objects on {sure} pixels."
    slivers = 0
    for value in np.flatnonzero(np.bincount(mask.ravel(), minlength=256)):
        if value not in (BACKGROUND, IGNORE):
            part, count = ndimage.label(mask == value, structure=EIGHT)
            slivers += int((np.bincount(part.ravel())[1:] < SLIVER_PX).sum()) if count else 0
    if slivers >= MIN_SLIVERS:
        yield f"The label has {slivers} parts of fewer than {SLIVER_PX} pixels."


def unused_classes(
    used: Mapping[str, Mapping[int, int]], classes: Sequence[str], labels: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    """(annotator, sentence) where somebody with many labels never uses a class that others use.

    used: annotator -> class -> in how many labels. labels: annotator -> how many labels.
    """
    for value in range(1, len(classes)):
        users = [name for name, counts in used.items() if counts.get(value, 0)]
        for name, count in labels.items():
            if count >= MIN_LABELS and name not in users and users:
                sentence = f"This annotator never used {classes[value]} in {count} labels."
                yield name, sentence


def too_fast(lead_times_s: Mapping[int, float], untouched: set[int]) -> dict[int, str]:
    """Image -> sentence, where an untouched prediction was accepted faster than nearly all labels.

    lead_times_s: image -> seconds that its annotator took.
    """
    if len(lead_times_s) < MIN_LABELS:
        return {}
    limit = float(np.quantile(list(lead_times_s.values()), FAST_SHARE))
    return {
        image: f"The prediction was accepted unchanged after {seconds:.0f} s, faster than 98 % of "
        f"the labels."
        for image, seconds in lead_times_s.items()
        if seconds <= limit and image in untouched
    }

"""How much of a prediction its annotator changed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daemon.domain import Annotation, Effort, Mask
from daemon.stages.context import Context
from daemon.stages.predict import predicted_mask


def effort_of(context: Context, image_id: int, annotation: Annotation) -> Effort | None:
    """What the work on the prediction came to; None where none of ours was shown, or it is gone."""
    cycle, _, attempt = (annotation.shown or "").partition(".")
    if not (cycle.isdigit() and attempt.isdigit()):
        return None
    shown = predicted_mask(context, int(cycle), image_id)
    if shown is None or shown.shape != annotation.mask.shape:
        return None
    return compared(shown, annotation.mask, context.config.classes.names)


def compared(shown: Mask, submitted: Mask, names: Sequence[str]) -> Effort:
    """shown, submitted: (H, W) of the same size. Pure."""
    iou = {}
    for value, name in enumerate(names):
        before, after = shown == value, submitted == value
        either = int(np.count_nonzero(before | after))
        if either:
            iou[name] = int(np.count_nonzero(before & after)) / either
    return Effort(changed_share=float(np.mean(shown != submitted)), iou=iou)

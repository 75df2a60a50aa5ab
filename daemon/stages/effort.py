"""How much of a prediction its annotator changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from daemon.domain import Annotation, Effort, Mask
from daemon.faults import printable
from daemon.intake import passes
from daemon.stages.context import Context
from daemon.stages.predict import predicted_mask

_VERSION = re.compile(r"(\d{1,9})\.\d{1,9}(-[0-9a-f]+)?", re.ASCII)  # CYCLE.ATTEMPT-RANDOM
_UNKNOWN = "how much of the prediction was changed is unknown: "


def effort_of(context: Context, image_id: int, annotation: Annotation) -> Effort | None:
    """What the work on the prediction came to; None where none of ours was shown, or it is gone."""
    version = _VERSION.fullmatch(annotation.shown or "")
    shown = predicted_mask(context, int(version[1]), image_id) if version else None
    if shown is None or shown.shape != annotation.mask.shape:
        return None
    return compared(shown, annotation.mask, context.config.classes.names)


def measured(
    context: Context, image_id: int, annotation: Annotation
) -> tuple[Annotation, Effort | None]:
    """The annotation and its effort. A prediction of ours that cannot be read any more costs the
    figure, and a note on the annotation says so; never the label."""
    try:
        return annotation, effort_of(context, image_id, annotation)
    except (OSError, ValueError, SyntaxError) as exc:  # Pillow raises all of them for a damaged PNG
        if passes(exc):
            raise
        words = printable(f"{_UNKNOWN}{type(exc).__name__}: {exc}")
        return replace(annotation, notes=(*annotation.notes, words)), None


def compared(shown: Mask, submitted: Mask, names: Sequence[str]) -> Effort:
    """shown, submitted: (H, W) of the same size. Pure."""
    iou = {}
    for value, name in enumerate(names):
        before, after = shown == value, submitted == value
        either = int(np.count_nonzero(before | after))
        if either:
            iou[name] = int(np.count_nonzero(before & after)) / either
    return Effort(changed_share=float(np.mean(shown != submitted)), iou=iou)

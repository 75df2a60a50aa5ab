"""How much of a prediction its annotator changed."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image as Pillow

from daemon.domain import (
    IGNORE,
    Annotation,
    ClassPixels,
    Correction,
    Mask,
    PredictionVersion,
    Stage,
    Unmeasured,
)
from daemon.domain.errors import RunFailed
from daemon.domain.faults import printable
from daemon.intake import is_environment_error
from daemon.runs.folder import PredictRequest
from daemon.stages.context import Context
from daemon.stages.predict import predicted_ids, predicted_mask

MEASURED_PER_TICK = 50  # answers of an earlier release: some tenths of a second

# What Pillow, pydantic and the run folder raise for files that are torn.
_DAMAGED = (OSError, ValueError, SyntaxError, RunFailed)
_UNKNOWN = "how much of the prediction was changed is unknown: "


def correction_of(
    context: Context, image_id: int, annotation: Annotation
) -> Correction | Unmeasured | None:
    """How much of the prediction was changed, or why that is not known; None where no prediction
    is known to have been shown."""
    if annotation.shown is None:
        return None
    found = _measure(context, image_id, annotation.shown, annotation.mask)
    if annotation.shown_empty and isinstance(found, Correction) and _shows_a_class(context, found):
        return Unmeasured.EMPTY_PAGE  # as where people draw shapes, which no mask becomes
    return found


def measure_missing(context: Context) -> None:
    """Measure some answers that an earlier release saved without measuring them, since it could not
    read the names of versions. Calling it twice changes nothing."""
    for answer in context.store.unmeasured_answers(MEASURED_PER_TICK):
        with Pillow.open(io.BytesIO(answer.mask)) as png:
            submitted = np.asarray(png, dtype=np.uint8)
        try:
            correction = _measure(context, answer.image_id, answer.version, submitted)
        except _DAMAGED as exc:
            if is_environment_error(exc):
                raise
            correction = Unmeasured.MASK_UNREADABLE
        context.store.keep_correction(answer.id, correction)


def measured(
    context: Context, image_id: int, annotation: Annotation
) -> tuple[Annotation, Correction | Unmeasured | None]:
    """The annotation and its correction. A prediction of ours that cannot be read any more costs
    the figure, and a note on the annotation says so; never the label."""
    try:
        return annotation, correction_of(context, image_id, annotation)
    except _DAMAGED as exc:
        if is_environment_error(exc):
            raise
        words = printable(f"{_UNKNOWN}{type(exc).__name__}: {exc}")
        noted = replace(annotation, notes=(*annotation.notes, words))
        return noted, Unmeasured.MASK_UNREADABLE


def measure_correction(shown: Mask, submitted: Mask, names: Sequence[str]) -> Correction:
    """shown, submitted: (H, W) of the same size. Pure."""
    classes = {}
    for value, name in enumerate(names):
        before, after = shown == value, submitted == value
        pixels = ClassPixels(
            shown_px=int(np.count_nonzero(before)),
            submitted_px=int(np.count_nonzero(after)),
            kept_px=int(np.count_nonzero(before & after)),
        )
        if pixels.union_px:
            classes[name] = pixels
    return Correction(changed_share=float(np.mean(shown != submitted)), classes=classes)


def _measure(
    context: Context, image_id: int, version: str, submitted: Mask
) -> Correction | Unmeasured:
    try:
        cycle = PredictionVersion.parse(version).cycle
    except ValueError:
        return Unmeasured.OTHER_MAKER
    if cycle == 0:
        return Unmeasured.EMPTY_PAGE  # there was no model yet
    if (submitted == IGNORE).all():
        return Unmeasured.NO_PIXEL
    shown = _shown(context, cycle, image_id)
    if isinstance(shown, Unmeasured):
        return shown
    if shown.shape != submitted.shape:
        return Unmeasured.OTHER_SIZE
    return measure_correction(shown, submitted, context.config.classes.names)


def _shows_a_class(context: Context, correction: Correction) -> bool:
    """Whether the prediction gave any pixel another class than that of undrawn ones."""
    undrawn = context.config.class_set.unlabeled
    names = context.config.classes.names
    drawn = {name for value, name in enumerate(names) if value != undrawn}
    return any(correction.classes[name].shown_px for name in drawn & correction.classes.keys())


def _shown(context: Context, cycle: int, image_id: int) -> Mask | Unmeasured:
    """The mask that people saw of an image, or why there is none."""
    mask = predicted_mask(context, cycle, image_id)
    if mask is not None:
        return _in_present_classes(context, cycle, mask)
    predicted = predicted_ids(context, cycle)
    empty = predicted is not None and image_id not in predicted
    return Unmeasured.EMPTY_PAGE if empty else Unmeasured.MASK_GONE


def _in_present_classes(context: Context, cycle: int, mask: Mask) -> Mask | Unmeasured:
    """A predicted mask with the present class indices, which may differ from the model's."""
    run, classes = context.run(cycle, Stage.PREDICT), context.config.classes
    if not run.request_file.exists():
        return mask
    before = run.read_request(PredictRequest).classes
    called = [classes.renamed.get(name, name) for name in before]
    if called == list(classes.names[: len(called)]):
        return mask
    if not set(called) <= set(classes.names):
        return Unmeasured.OTHER_CLASSES
    table = np.arange(256, dtype=np.uint8)
    table[: len(called)] = [classes.names.index(name) for name in called]
    return np.asarray(table[mask], dtype=np.uint8)

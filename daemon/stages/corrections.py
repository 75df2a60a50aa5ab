"""Measures how much of a prediction its annotator changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

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
from daemon.runs.run_folder import PredictRequest
from daemon.stages.context import Context
from daemon.stages.predict import predicted_ids, predicted_mask
from daemon.store import decode_png

MEASURED_PER_TICK = 50  # annotations of an earlier release; takes a few tenths of a second

# What Pillow, pydantic and the run folder raise for damaged files.
_READ_ERRORS = (OSError, ValueError, SyntaxError, RunFailed)
_NOTE_PREFIX = "how much of the prediction was changed is unknown: "


def correction_of(
    context: Context, image_id: int, annotation: Annotation
) -> Correction | Unmeasured | None:
    """How much of the source prediction was changed, or why that is not known.

    None if no source prediction of the annotation is known.
    """
    if annotation.prediction_version is None:
        return None
    result = _measure(context, image_id, annotation.prediction_version, annotation.mask)
    if (
        annotation.shown_empty
        and isinstance(result, Correction)
        and _has_drawn_class(context, result)
    ):
        return Unmeasured.EMPTY_PAGE  # for example in projects that take shapes but no masks
    return result


def measure_missing(context: Context) -> None:
    """Measure up to `MEASURED_PER_TICK` annotations that an earlier release did not measure, since
    it could not parse their version names. Calling it twice changes nothing."""
    for answer in context.store.unmeasured_answers(MEASURED_PER_TICK):
        submitted = decode_png(answer.mask)
        try:
            correction = _measure(context, answer.image_id, answer.version, submitted)
        except _READ_ERRORS as exc:
            if is_environment_error(exc):
                raise
            correction = Unmeasured.MASK_UNREADABLE
        context.store.keep_correction(answer.id, correction)


def correction_or_note(
    context: Context, image_id: int, annotation: Annotation
) -> tuple[Annotation, Correction | Unmeasured | None]:
    """The annotation and its correction.

    If the predicted mask cannot be read, the label still counts: the correction is
    `MASK_UNREADABLE`, and the annotation gets a note with the reason.
    """
    try:
        return annotation, correction_of(context, image_id, annotation)
    except _READ_ERRORS as exc:
        if is_environment_error(exc):
            raise
        note = printable(f"{_NOTE_PREFIX}{type(exc).__name__}: {exc}")
        return replace(annotation, notes=(*annotation.notes, note)), Unmeasured.MASK_UNREADABLE


def measure_correction(shown: Mask, submitted: Mask, names: Sequence[str]) -> Correction:
    """Compare a prediction with its annotation; both (H, W) with class indices. Pure."""
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
        return Unmeasured.EMPTY_PAGE  # before the first model
    if (submitted == IGNORE).all():
        return Unmeasured.NO_PIXEL
    shown = _source_mask(context, cycle, image_id)
    if isinstance(shown, Unmeasured):
        return shown
    if shown.shape != submitted.shape:
        return Unmeasured.OTHER_SIZE
    return measure_correction(shown, submitted, context.config.classes.names)


def _has_drawn_class(context: Context, correction: Correction) -> bool:
    """Whether the prediction has a pixel of a class that people draw."""
    undrawn = context.config.class_set.unlabeled
    names = context.config.classes.names
    drawn = {name for value, name in enumerate(names) if value != undrawn}
    return any(correction.classes[name].shown_px for name in drawn & correction.classes.keys())


def _source_mask(context: Context, cycle: int, image_id: int) -> Mask | Unmeasured:
    """The predicted mask that the annotator began with, or why there is none."""
    mask = predicted_mask(context, cycle, image_id)
    if mask is not None:
        return _to_current_classes(context, cycle, mask)
    predicted = predicted_ids(context, cycle)
    empty = predicted is not None and image_id not in predicted
    return Unmeasured.EMPTY_PAGE if empty else Unmeasured.MASK_GONE


def _to_current_classes(context: Context, cycle: int, mask: Mask) -> Mask | Unmeasured:
    """A predicted mask with the class indices of today, which may differ from the model's."""
    run, classes = context.run(cycle, Stage.PREDICT), context.config.classes
    if not run.request_file.exists():
        return mask
    before = run.read_request(PredictRequest).classes
    renamed = [classes.renamed.get(name, name) for name in before]
    if renamed == list(classes.names[: len(renamed)]):
        return mask
    if not set(renamed) <= set(classes.names):
        return Unmeasured.OTHER_CLASSES
    table = np.arange(256, dtype=np.uint8)
    table[: len(renamed)] = [classes.names.index(name) for name in renamed]
    return np.asarray(table[mask], dtype=np.uint8)

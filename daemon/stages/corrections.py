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
    Effort,
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

A_LOOK = 50  # answers of an earlier release that one tick measures: some tenths of a second

# What Pillow, pydantic and the run folder raise for files that are torn.
_DAMAGED = (OSError, ValueError, SyntaxError, RunFailed)
_UNKNOWN = "how much of the prediction was changed is unknown: "


def effort_of(
    context: Context, image_id: int, annotation: Annotation
) -> Effort | Unmeasured | None:
    """What the work on the prediction came to, or why that is not known; None where no prediction
    is known to have been shown."""
    if annotation.shown is None:
        return None
    found = _effort(context, image_id, annotation.shown, annotation.mask)
    if annotation.shown_empty and isinstance(found, Effort) and _drew(context, found):
        return Unmeasured.EMPTY_PAGE  # as where people draw shapes, which no mask becomes
    return found


def measure_missed(context: Context) -> None:
    """Measure some answers that were kept without a word about it, as by earlier releases, which
    could not read the names of versions. Twice changes nothing."""
    for row in context.store.unmeasured_answers(A_LOOK):
        with Pillow.open(io.BytesIO(row["mask"])) as png:
            submitted = np.asarray(png, dtype=np.uint8)
        try:
            effort = _effort(context, row["image_id"], row["shown"], submitted)
        except _DAMAGED as exc:
            if is_environment_error(exc):
                raise
            effort = Unmeasured.MASK_UNREADABLE
        context.store.keep_effort(row["id"], effort)


def measured(
    context: Context, image_id: int, annotation: Annotation
) -> tuple[Annotation, Effort | Unmeasured | None]:
    """The annotation and its effort. A prediction of ours that cannot be read any more costs the
    figure, and a note on the annotation says so; never the label."""
    try:
        return annotation, effort_of(context, image_id, annotation)
    except _DAMAGED as exc:
        if is_environment_error(exc):
            raise
        words = printable(f"{_UNKNOWN}{type(exc).__name__}: {exc}")
        noted = replace(annotation, notes=(*annotation.notes, words))
        return noted, Unmeasured.MASK_UNREADABLE


def compared(shown: Mask, submitted: Mask, names: Sequence[str]) -> Effort:
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
    return Effort(changed_share=float(np.mean(shown != submitted)), classes=classes)


def _effort(context: Context, image_id: int, version: str, submitted: Mask) -> Effort | Unmeasured:
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
    return compared(shown, submitted, context.config.classes.names)


def _drew(context: Context, effort: Effort) -> bool:
    """Whether the prediction gave any pixel another class than that of undrawn ones."""
    undrawn = context.config.class_set.unlabeled
    names = context.config.classes.names
    drawn = {name for value, name in enumerate(names) if value != undrawn}
    return any(effort.classes[name].shown_px for name in drawn & effort.classes.keys())


def _shown(context: Context, cycle: int, image_id: int) -> Mask | Unmeasured:
    """The mask that a cycle showed people of an image; without one, why."""
    mask = predicted_mask(context, cycle, image_id)
    if mask is not None:
        return _as_of_now(context, cycle, mask)
    predicted = predicted_ids(context, cycle)
    empty = predicted is not None and image_id not in predicted
    return Unmeasured.EMPTY_PAGE if empty else Unmeasured.MASK_GONE


def _as_of_now(context: Context, cycle: int, mask: Mask) -> Mask | Unmeasured:
    """A predicted mask with the class indices of now, which may be others than the model's."""
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

"""Masks that people were shown for their clicks and lost, since they submitted without accepting.

Nothing is added to a label: the page of suspects shows the mask, and a person decides. It leaves
the list when the annotation holds the region, or its pixels, or no click any more, or is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from daemon.domain import Changes, ClassSet, Mask
from daemon.domain.unaccepted_masks import SubmittedClicks, UnacceptedMask
from daemon.smart_tool.kept_suggestions import mask_pixels, read_suggestion
from daemon.stages.context import Context

DRAWN = 0.9  # of a mask's pixels have its class in the label: it was drawn again, and is not lost


def record_unaccepted_masks(context: Context, changes: Changes, ids: Mapping[str, int]) -> None:
    """Keep what the changed annotations lack, and forget what they hold. ids: image key -> id.

    Calling it twice changes nothing.
    """
    store, tasks = context.store, {*changes.annotation_ids, *changes.lost_tasks}
    known = {(mask.annotation, mask.session): mask for mask in store.unaccepted_masks_of(tasks)}
    if not known and not changes.clicks:
        return
    labels = {annotation.id: annotation.mask for annotation in changes.annotations}
    lacking = [
        mask
        for clicks in changes.clicks
        if (image_id := ids.get(clicks.answer.image_key)) is not None
        for mask in _suggested(context, clicks, image_id, known)
        if mask.region not in clicks.regions
        and not _is_drawn(mask, labels.get(mask.annotation), context.config.class_set)
    ]
    with store.atomic():
        store.replace_unaccepted_masks(tasks, lacking)
        for mask in lacking:
            if (mask.annotation, mask.session) not in known:
                store.add_event("warning", _words(mask), context.now())


def _suggested(
    context: Context,
    clicks: SubmittedClicks,
    image_id: int,
    known: Mapping[tuple[str, str], UnacceptedMask],
) -> Iterator[UnacceptedMask]:
    """What was suggested last for each session of these clicks, as far as it is kept."""
    answer = clicks.answer
    for session in dict.fromkeys(clicks.points):
        kept = read_suggestion(context.config.state, answer.task, session)
        if kept is not None:
            fields = kept.model_dump()
            yield UnacceptedMask(annotation=answer.annotation, image_id=image_id, **fields)
        elif (mask := known.get((answer.annotation, session))) is not None:
            yield replace(mask, image_id=image_id)


def _is_drawn(mask: UnacceptedMask, label: Mask | None, classes: ClassSet) -> bool:
    """Whether the label has the class of the mask nearly everywhere where the mask lies."""
    inside = mask_pixels(mask.box_yxyx, mask.mask_png)
    if label is None or inside is None:
        return False
    top, left, bottom, right = mask.box_yxyx
    part = label[top:bottom, left:right]
    if part.shape != inside.shape or not inside.any():
        return False
    return bool(np.mean(part[inside] == classes.index(mask.label)) >= DRAWN)


def _words(mask: UnacceptedMask) -> str:
    return (
        f"annotation {mask.annotation} of task {mask.task} holds clicks whose mask "
        f"({mask.label}, {mask.area_px} pixels) was not accepted before it was submitted: it is "
        f"not in the label; see /suspects"
    )

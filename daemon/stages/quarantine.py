"""Excludes images that a run could not use, though the intake could read them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from daemon.domain import Exclusion, Fault, Image, Role, Stage
from daemon.runs.folder import FileFault, FilePart, FileRole
from daemon.stages.context import Context
from daemon.stages.file_stamps import stamp_of

log = logging.getLogger(__name__)


def exclude_unusable(context: Context, stage: Stage, faults: Sequence[FileFault]) -> int:
    """Exclude the images of these faults; how many are new.

    Faults of test images do not count: their ids are indices in the test set. Nor do images that
    are excluded already.
    """
    store = context.store
    blamed = store.images_of(fault.id for fault in faults if fault.role is not FileRole.TEST)
    images = {key: image for key, image in blamed.items() if image.role is not Role.EXCLUDED}
    found = {
        fault.id: fault
        for fault in faults
        if fault.role is not FileRole.TEST and fault.id in images
    }
    if not found:
        return 0
    with store.atomic():
        store.exclude(
            Exclusion.UNREADABLE,
            {image_id: f"a run could not use it: {fault.got}" for image_id, fault in found.items()},
        )
        for image_id in found:
            store.keep_aside_stamp(image_id, stamp_of(images[image_id].path))
        store.quarantine(
            [_fault(images[image_id], fault) for image_id, fault in found.items()], context.now()
        )
    for image_id, fault in found.items():
        log.warning("image excluded image=%s stage=%s: %s", images[image_id].key, stage, fault)
    return len(found)


def _fault(image: Image, fault: FileFault) -> Fault:
    """In the words of the labeling tool: which image, which file."""
    of_mask = fault.part is FilePart.MASK
    cure = (
        "the image or its label was replaced: restore the image that was labeled, or save its "
        "label again"
        if of_mask
        else "restore the file: the daemon looks every minute, and the image takes part again when "
        "it can be read"
    )
    return Fault(
        where=f"image {image.key}",
        got=f"{fault.path}: {fault.got}",
        expected=fault.expected,
        cure=cure,
    )

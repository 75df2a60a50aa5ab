"""Excludes images that the intake could read and a run could not use."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from daemon.domain import Exclusion, Fault, Image, Role, Stage
from daemon.runs.run_folder import FileFault, FilePart, FileRole
from daemon.stages.context import Context
from daemon.stages.file_stamps import stamp_of

log = logging.getLogger(__name__)


def exclude_unusable(context: Context, stage: Stage, faults: Sequence[FileFault]) -> int:
    """Exclude the images of these faults; returns how many were not excluded before.

    Faults of test images are skipped, since their ids are indices in the test set.
    """
    store = context.store
    own = [fault for fault in faults if fault.role is not FileRole.TEST]
    images = {
        image_id: image
        for image_id, image in store.images_of(fault.id for fault in own).items()
        if image.role is not Role.EXCLUDED
    }
    new = {fault.id: fault for fault in own if fault.id in images}
    if not new:
        return 0
    with store.atomic():
        store.exclude(
            Exclusion.UNREADABLE,
            {image_id: f"a run could not use it: {fault.got}" for image_id, fault in new.items()},
        )
        for image_id in new:
            store.keep_aside_stamp(image_id, stamp_of(images[image_id].path))
        store.quarantine(
            [_fault(images[image_id], fault) for image_id, fault in new.items()], context.now()
        )
    for image_id, fault in new.items():
        log.warning("image excluded image=%s stage=%s: %s", images[image_id].key, stage, fault)
    return len(new)


def _fault(image: Image, fault: FileFault) -> Fault:
    """The fault of a run as a fault of the image that people know, with its cure."""
    cure = (
        "the image or its label was replaced: restore the image that was labeled, or save its "
        "label again"
        if fault.part is FilePart.MASK
        else "restore the file: the daemon looks every minute, and the image takes part again when "
        "it can be read"
    )
    return Fault(
        where=f"image {image.key}",
        got=f"{fault.path}: {fault.got}",
        expected=fault.expected,
        cure=cure,
    )

"""Images whose bytes were replaced: the change is saved, and the label flagged until confirmed.

A local file that changed is noticed by its time and size at the next listing. Of images on servers
a few are compared at each scan, those first that were compared longest ago. An image that was
excluded as unreadable comes back when its file is whole again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from daemon.domain import Exclusion, Fault, FoundImage, Image, KnownImage, TaskState
from daemon.stages.context import Context
from daemon.stages.file_stamps import local_path, stamp_of
from daemon.stages.image_content import READ_ANSWERS_AGAIN, fault_location
from daemon.stages.image_reading import ReadRequest, ReadResult

log = logging.getLogger(__name__)

COMPARED_PER_SCAN = 20  # images on servers; there is one scan a minute
COMPARE_EVERY = timedelta(hours=1)  # shortest time between two comparisons of an image
UNREADABLE_REASON = "its file changed and cannot be used"
_UNCONFIRMED = "labels_unconfirmed"  # JSON: `where` of each fault

Pair = tuple[FoundImage, KnownImage]


def images_to_compare(context: Context, known: Sequence[Pair]) -> list[ReadRequest]:
    """Requests for the known images whose bytes may have changed: local files, then servers."""
    open_ids = {task.image_id for task in context.store.tasks(TaskState.OPEN)}
    return [
        ReadRequest(found=found, known=image, has_open_task=image.id in open_ids)
        for found, image in [*_changed_files(known), *_due(context, known)]
    ]


def exclude_unreadable(context: Context, unusable: Iterable[ReadResult]) -> None:
    """Exclude the known images among these whose local file cannot be read, until it can be.

    A run needs the local file. An image on a server stays, since its cached copy can be used.
    """
    for result in unusable:
        image = result.request.known
        if image is None:
            continue
        if local_path(result.request.found.uri) is None:
            context.store.mark_checked(image.id, image.stamp, context.now())
        elif image.aside_stamp is None:
            context.store.exclude(Exclusion.UNREADABLE, {image.id: UNREADABLE_REASON})
            context.store.keep_aside_stamp(image.id, result.stamp)


def flag_unconfirmed_labels(context: Context) -> None:
    """Quarantine one fault for each label that was drawn on other bytes and is not confirmed."""
    store = context.store
    unconfirmed = store.unconfirmed_ids()
    before = set(json.loads(store.fact(_UNCONFIRMED) or "[]"))
    if not unconfirmed and not before:
        return
    images = list(store.images_of(unconfirmed).values())
    faults = [_label_fault(context, image) for image in images]
    with store.atomic():
        store.quarantine(faults, context.now())
        store.release(before - {fault.where for fault in faults})
        store.keep_fact(_UNCONFIRMED, json.dumps(sorted(fault.where for fault in faults)))


def _label_fault(context: Context, image: Image) -> Fault:
    cure = (
        "look at its mask on the picture that is there now and save it again: open its task in "
        "Label Studio, correct it and press Update; or delete it there, and the image is asked "
        "again; the label counts again too when the old picture returns"
    )
    if context.config.connector.kind == "folder":
        cure = (
            "look at its mask on the picture that is there now and save the mask's file again, or "
            "delete it; the label counts again too when the old picture returns"
        )
    return Fault(
        where=f"label of image {image.key}",
        got=f"another picture, now {image.width_px}x{image.height_px}, since it was drawn",
        expected="the picture that it was drawn on; until then it neither teaches nor measures",
        cure=cure,
    )


def _changed_files(known: Sequence[Pair]) -> list[Pair]:
    """Images whose local file has another stamp now, and all that are excluded as unreadable."""
    return [(found, image) for found, image in known if _may_differ(found, image)]


def _may_differ(found: FoundImage, image: KnownImage) -> bool:
    if image.aside_stamp is not None:
        return True
    if image.stamp == "":
        return False
    path = local_path(found.uri)
    return path is not None and image.stamp != stamp_of(path)


def _due(context: Context, known: Sequence[Pair]) -> list[Pair]:
    """The images without a local file or a stamp that are due, longest ago compared first."""
    before = (context.now() - COMPARE_EVERY).isoformat()
    due = [
        (found, image)
        for found, image in known
        if image.aside_stamp is None
        and image.checked_at < before
        and (image.stamp == "" or local_path(found.uri) is None)
    ]
    return sorted(due, key=lambda pair: (pair[1].checked_at, pair[1].id))[:COMPARED_PER_SCAN]


def save_comparison(context: Context, result: ReadResult, image: KnownImage) -> None:
    """Save the result of reading a known image again."""
    store, current = context.store, result.image
    with store.atomic():
        if current is not None and current.sha256 != image.sha256:
            _replace(context, image, current)
        if current is not None and image.aside_stamp is not None:
            _readmit(context, image, current)
        elif current is not None:
            store.release([result.fault_location])
            store.forget_refused([result.fault_location])
        store.mark_checked(image.id, result.stamp, context.now())


def _replace(context: Context, image: KnownImage, current: Image) -> None:
    store = context.store
    last = store.last_cycle()
    store.replace_bytes(image.id, current, last.number if last else None)
    store.keep_fact(READ_ANSWERS_AGAIN, "1")  # its masks have to fit the present size
    message = (
        f"image {image.key}: its picture was replaced, now {current.width_px}x{current.height_px}"
    )
    log.warning("%s", message)
    store.add_event("warning", message, context.now())


def _readmit(context: Context, image: KnownImage, current: Image) -> None:
    """Readmit an excluded image, unless its file is still the one that could not be used."""
    if stamp_of(current.path) == image.aside_stamp:
        return
    store = context.store
    store.readmit([image.id], "its file is whole again")
    store.reopen_task(image.id, context.now())
    store.release([fault_location(image.key)])
    store.forget_refused([fault_location(image.key)])
    message = f"image {image.key}: its file is whole again, so it takes part again"
    log.info("%s", message)
    store.add_event("info", message, context.now())

"""The same address, other bytes: noticed, followed, and the labels flagged until confirmed.

A file that changed is noticed by its time and size at the next listing. What a server holds tells
less: a few images a minute are compared, the one that was compared longest ago first. An image that
a run had to do without comes back when its file is whole again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from daemon.domain import Exclusion, Fault, FoundImage, Image, KnownImage, TaskState
from daemon.domain.faults import printable
from daemon.stages.context import Context
from daemon.stages.file_stamps import local_path, stamp_of
from daemon.stages.image_content import DECIDED, place_of
from daemon.stages.image_reading import Reading, Wanted

log = logging.getLogger(__name__)

CHECKED_A_LOOK = 20  # images on servers, compared by one look, that is a minute
CHECK_AGAIN = timedelta(hours=1)  # and each at most so often
UNREADABLE = "its file changed and cannot be used"
_UNCONFIRMED = "labels_unconfirmed"  # JSON: the places of the faults

Pair = tuple[FoundImage, KnownImage]


def to_compare(context: Context, known: Sequence[Pair]) -> list[Wanted]:
    """The known images whose bytes may have changed, those that are told by their files first."""
    shown = {task.image_id for task in context.store.tasks(TaskState.OPEN)}
    return [
        Wanted(found=found, known=image, is_shown=image.id in shown)
        for found, image in [*_changed(known), *_due(context, known)]
    ]


def leave_out(context: Context, unusable: Iterable[Reading]) -> None:
    """The known ones of these cannot be read now. The next run needs a local file, so such an
    image is set aside until it is whole again; of one on a server there is a copy to go on with."""
    for reading in unusable:
        image = reading.wanted.known
        if image is None:
            continue
        if local_path(reading.wanted.found.uri) is None:
            context.store.mark_checked(image.id, image.stamp, context.now())
        elif image.aside_stamp is None:
            context.store.exclude(Exclusion.UNREADABLE, {image.id: UNREADABLE})
            context.store.keep_aside_stamp(image.id, reading.stamp)


def flag_labels(context: Context) -> None:
    """One fault for each image whose label was drawn on other bytes and is not confirmed."""
    store = context.store
    unconfirmed = store.unconfirmed_ids()
    before = set(json.loads(store.fact(_UNCONFIRMED) or "[]"))
    if not unconfirmed and not before:
        return
    images = list(store.images_of(unconfirmed).values())
    faults = [_flag(context, image) for image in images]
    with store.atomic():
        store.quarantine(faults, context.now())
        store.release(before - {fault.where for fault in faults})
        store.keep_fact(_UNCONFIRMED, json.dumps(sorted(fault.where for fault in faults)))


def _flag(context: Context, image: Image) -> Fault:
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


def _changed(known: Sequence[Pair]) -> list[Pair]:
    """Local files whose stamp is another one now, and whatever is set aside."""
    return [(found, image) for found, image in known if _may_differ(found, image)]


def _may_differ(found: FoundImage, image: KnownImage) -> bool:
    if image.aside_stamp is not None:
        return True
    if image.stamp == "":
        return False
    path = local_path(found.uri)
    return path is not None and image.stamp != stamp_of(path)


def _due(context: Context, known: Sequence[Pair]) -> list[Pair]:
    """The images on servers, and those whose stamp is not known, that were compared longest ago."""
    before = (context.now() - CHECK_AGAIN).isoformat()
    due = [
        (found, image)
        for found, image in known
        if image.aside_stamp is None
        and image.checked_at < before
        and (image.stamp == "" or local_path(found.uri) is None)
    ]
    return sorted(due, key=lambda pair: (pair[1].checked_at, pair[1].id))[:CHECKED_A_LOOK]


def keep_comparison(context: Context, reading: Reading, image: KnownImage) -> None:
    """What came of looking at a known image again."""
    store, seen = context.store, reading.image
    with store.atomic():
        if seen is not None and seen.sha256 != image.sha256:
            _replace(context, image, seen)
        if seen is not None and image.aside_stamp is not None:
            _take_back(context, image, seen)
        elif seen is not None:
            store.release([reading.place])
            store.forget_refused([reading.place])
        store.mark_checked(image.id, reading.stamp, context.now())


def _replace(context: Context, image: KnownImage, seen: Image) -> None:
    store = context.store
    last = store.last_cycle()
    store.replace_bytes(image.id, seen, last.number if last else None)
    store.keep_fact(DECIDED, "1")  # its masks are read again, against the size that it has now
    words = f"image {image.key}: its picture was replaced, now {seen.width_px}x{seen.height_px}"
    log.warning("%s", words)
    store.add_event("warning", words, context.now())


def _take_back(context: Context, image: KnownImage, seen: Image) -> None:
    """A run could not use it; it may be used again when its file is not the one of then."""
    if stamp_of(seen.path) == image.aside_stamp:
        return
    store = context.store
    store.readmit([image.id], "its file is whole again")
    store.reopen_task(image.id, context.now())
    store.release([printable(place_of(image.key))])
    store.forget_refused([printable(place_of(image.key))])
    words = f"image {image.key}: its file is whole again, so it takes part again"
    log.info("%s", words)
    store.add_event("info", words, context.now())

"""Changes in the labeling tool about images that are not listed yet, or not read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from daemon.domain import Changes, Fault
from daemon.stages.context import Context
from daemon.stages.image_content import fault_location
from daemon.stages.image_intake import BROKEN, WAITING, scan_images

_UNLISTED = "images_never_listed"  # JSON: image keys of tasks that are in no listing
_MAX_UNLISTED = 1000


def scan_unlisted_images(context: Context, changes: Changes, known: Iterable[str]) -> bool:
    """Scan the images at once if a changed task shows an unlisted one; returns whether it did."""
    store = context.store
    if store.fact(WAITING) or store.fact(BROKEN):
        return False  # the next scan lists them
    unlisted = set(json.loads(store.fact(_UNLISTED) or "[]"))
    if not _unknown(context, changes, known) - unlisted:
        return False
    scan_images(context)
    keys = store.known_keys() | store.former_keys().keys()
    still_unknown = sorted(_unknown(context, changes, keys)) if not store.fact(WAITING) else []
    store.keep_fact(_UNLISTED, json.dumps(still_unknown[:_MAX_UNLISTED]))
    return True


def without_unread_images(context: Context, changes: Changes, known: Iterable[str]) -> Changes:
    """The changes without those about images that are not read yet, or cannot be read now.

    Until it is clear which image such a task shows, its labels and its place in the loop stay.
    """
    store = context.store
    refused, waiting = store.refused_images(), bool(store.fact(WAITING) or store.fact(BROKEN))
    unknown = {key for key in changes.image_keys.values() if key} - set(known)
    unread = {key for key in unknown if waiting or fault_location(key) in refused}
    if not unread:
        return changes
    faults = {fault.answer.annotation: fault for fault in changes.faults if fault.answer}
    candidates = faults.keys() if waiting else store.kept_annotations(faults)
    dropped = {id(faults[key]) for key in candidates if _image_key(faults[key]) in unread}
    return replace(
        changes,
        image_keys={task: key for task, key in changes.image_keys.items() if key not in unread},
        faults=tuple(fault for fault in changes.faults if id(fault) not in dropped),
    )


def _image_key(fault: Fault) -> str:
    return fault.answer.image_key if fault.answer else ""


def _unknown(context: Context, changes: Changes, known: Iterable[str]) -> set[str]:
    """Keys of the images of changed tasks that are neither known nor refused."""
    refused = context.store.refused_images()
    unknown = {key for key in changes.image_keys.values() if key} - set(known)
    return {key for key in unknown if fault_location(key) not in refused}

"""Changes about images that no look has met, or that wait to be read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from daemon.domain import Changes, Fault
from daemon.domain.faults import printable
from daemon.stages.context import Context
from daemon.stages.image_content import place_of
from daemon.stages.image_intake import BROKEN, WAITING, look_at_images

_STRANGE = "images_never_listed"  # JSON: keys of tasks that no listing holds
_MOST_STRANGE = 1000


def looked_at_strangers(context: Context, changes: Changes, known: Iterable[str]) -> bool:
    """Look at once where a changed task shows an image that no look has met; whether it did."""
    store = context.store
    if store.fact(WAITING) or store.fact(BROKEN):
        return False  # the next look goes on
    strange = set(json.loads(store.fact(_STRANGE) or "[]"))
    if not _unknown(context, changes, known) - strange:
        return False
    look_at_images(context)
    keys = store.known_keys() | store.former_keys().keys()
    left = sorted(_unknown(context, changes, keys)) if not store.fact(WAITING) else []
    store.keep_fact(_STRANGE, json.dumps(left[:_MOST_STRANGE]))
    return True


def without_waiting(context: Context, changes: Changes, known: Iterable[str]) -> Changes:
    """Without what is about images that wait for a look, or that cannot be read now: the question
    and the labels of a task stay what they are until it is clear what the task shows."""
    store = context.store
    refused, waiting = store.refused_images(), bool(store.fact(WAITING) or store.fact(BROKEN))
    unknown = {key for key in changes.image_keys.values() if key} - set(known)
    later = {key for key in unknown if waiting or printable(place_of(key)) in refused}
    if not later:
        return changes
    about = {one.answer.annotation: one for one in changes.faults if one.answer is not None}
    kept = about.keys() if waiting else store.kept_annotations(about)
    dropped = {id(about[number]) for number in kept if _image_of(about[number]) in later}
    return replace(
        changes,
        image_keys={task: key for task, key in changes.image_keys.items() if key not in later},
        faults=tuple(one for one in changes.faults if id(one) not in dropped),
    )


def _image_of(fault: Fault) -> str:
    return fault.answer.image_key if fault.answer else ""


def _unknown(context: Context, changes: Changes, known: Iterable[str]) -> set[str]:
    refused = context.store.refused_images()
    shown = {key for key in changes.image_keys.values() if key} - set(known)
    return {key for key in shown if printable(place_of(key)) not in refused}

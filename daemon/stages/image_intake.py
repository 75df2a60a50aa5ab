"""Images from outside: listed every minute, looked into one by one, recognised by their bytes.

Each is read inside the guard of daemon/intake.py, so one that cannot be used is a fault with its
name, and the others go on. A look at a new image costs a download, so one tick looks into as many
as LOOK_S seconds allow; the rest follow at the next ticks.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from daemon.domain import Changes, Fault, FoundImage
from daemon.domain.clock import is_due
from daemon.domain.errors import IntakeBroken
from daemon.domain.faults import printable
from daemon.intake import Intake
from daemon.stages.context import Context
from daemon.stages.file_stamps import local_path, stamp_of
from daemon.stages.identical_images import settle_copies
from daemon.stages.identity import Identities, Recognised
from daemon.stages.image_content import CURE, DECIDED, EXPECTED, image_of, place_of
from daemon.stages.renamed_files import ask_where_it_is
from daemon.stages.replaced_images import Pair, check_known, leave_out
from daemon.stages.unused_files import keep_left_out
from daemon.store import Store

log = logging.getLogger(__name__)

CURSOR = "cursor"  # the fact that says how far the answers were read
LOOK_S = 10.0  # of one tick; people's answers are read in between
AGAIN = timedelta(hours=1)  # a refused file that has not changed is read again after so long
_LISTED = "images_listed_at"
_LISTING_EVERY = timedelta(seconds=60)
_WAITING = "images_waiting"  # JSON: looked, of, hold; "" where all are looked into
_STRANGE = "images_never_listed"  # JSON: keys of tasks that no listing holds
_BROKEN = "images_intake_broken"
_MOST_STRANGE = 1000


@dataclass
class Look:
    """One look at all images. until: when it ends, by `monotonic`, in seconds."""

    context: Context
    identities: Identities
    refused: Mapping[str, tuple[str, str]]
    until: float
    monotonic: Callable[[], float]
    intake: Intake = field(default_factory=Intake)
    faulty: list[FoundImage] = field(default_factory=list)
    unread: list[Pair] = field(default_factory=list)
    renamed: list[int] = field(default_factory=list)  # images whose tasks show an old address
    new: int = 0
    moved: int = 0

    def is_over(self) -> bool:
        """Whether this tick has no more time for it."""
        return self.monotonic() > self.until


def list_images(context: Context, monotonic: Callable[[], float] = time.monotonic) -> None:
    """Take in the images that are new, at most once a minute, or go on where some still wait.

    monotonic: a clock in seconds, which bounds the look.
    """
    listed, now = context.store.fact(_LISTED), context.now()
    due = not listed or is_due(datetime.fromisoformat(listed), _LISTING_EVERY, now)
    if due or context.store.fact(_WAITING):
        look_at_images(context, monotonic)


def look_at_images(context: Context, monotonic: Callable[[], float] = time.monotonic) -> None:
    """List all images; look into those that are new, changed, or due to be compared."""
    store = context.store
    found = list(context.connector.images())
    identities = Identities(
        store.known_images(), store.former_keys(), store.task_images(), {one.key for one in found}
    )
    look = Look(
        context=context,
        identities=identities,
        refused=store.refused_images(),
        until=monotonic() + LOOK_S,
        monotonic=monotonic,
    )
    known = [(one, image) for one in found if (image := identities.known(one))]
    fresh = [one for one in found if identities.known(one) is None]
    first = [one for one in fresh if _place(one) not in look.refused]
    rest = first[_take_in_all(look, first) :]
    _take_in_all(look, [one for one in fresh if _is_due(look, one)])
    look.unread = check_known(context, known, look.intake, look.is_over)
    _settle(look, found, rest, len(first))
    keep_left_out(store, context.connector)


def still_looking(store: Store) -> str | None:
    """Why the loop waits for images that are not looked into yet, in words; None where it need not:
    before the first cycle it needs all of them, later those that it may know already."""
    waiting = json.loads(store.fact(_WAITING) or "{}")
    if not waiting or not (waiting["hold"] or store.last_cycle() is None):
        return None
    return f"{waiting['looked']} of {waiting['of']} images are looked into; the rest follows"


def looked_at_strangers(context: Context, changes: Changes, known: Iterable[str]) -> bool:
    """Look at once where a changed task shows an image that no look has met; whether it did."""
    store = context.store
    if store.fact(_WAITING) or store.fact(_BROKEN):
        return False  # the next look goes on
    strange = set(json.loads(store.fact(_STRANGE) or "[]"))
    if not _unknown(context, changes, known) - strange:
        return False
    look_at_images(context)
    keys = {image.key for image in store.known_images()} | store.former_keys().keys()
    left = sorted(_unknown(context, changes, keys)) if not store.fact(_WAITING) else []
    store.keep_fact(_STRANGE, json.dumps(left[:_MOST_STRANGE]))
    return True


def without_waiting(context: Context, changes: Changes, known: Iterable[str]) -> Changes:
    """Without what is about images that wait for a look, or that cannot be read now: the question
    and the labels of a task stay what they are until it is clear what the task shows."""
    store = context.store
    refused, waiting = store.refused_images(), bool(store.fact(_WAITING) or store.fact(_BROKEN))
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


def _take_in_all(look: Look, found: Sequence[FoundImage]) -> int:
    """Look into these in turn while there is time; how many it were."""
    for number, one in enumerate(found):
        if number and look.is_over():
            return number
        done = False
        with look.intake.guard(_place(one), expected=EXPECTED, cure=CURE):
            _take_in(look, one)
            done = True
        if not done:
            look.faulty.append(one)
    return len(found)


def _take_in(look: Look, found: FoundImage) -> None:
    """Keep one image, or recognise it. What was read before it was known is read again."""
    context, store = look.context, look.context.store
    found.key.encode()  # a file name that is no UTF-8 cannot be kept
    recognised, path, stamp = look.identities.by_address(found), local_path(found.uri), ""
    if recognised is None:
        stamp = stamp_of(path) if path else ""
        image = image_of(context.connector.read(found), context.config, found)
        recognised = look.identities.by_content(found, image.sha256)
        path = image.path
    with store.atomic():
        if recognised is None:
            store.add_image(image, found.task, stamp, context.now().isoformat())
            look.new += 1
        else:
            _renew(look, found, recognised)
            if path is not None:
                store.move_file(recognised.image.id, path, stamp)
        store.release([_place(found)])
        store.forget_refused([_place(found)])
        store.keep_fact(DECIDED, "1")


def _renew(look: Look, found: FoundImage, recognised: Recognised) -> None:
    store, image = look.context.store, recognised.image
    if recognised.further:
        store.add_former_key(found.key, image.id)
        return
    store.renew_image(image.id, found)
    if image.task is not None and found.task is not None:
        store.move_question(image.id, image.task, found.task, look.context.now())
    if found.task is None:
        look.renamed.append(image.id)
    look.identities.move(image, found)
    look.moved += 1


def _is_due(look: Look, found: FoundImage) -> bool:
    """Whether an image that was refused is read again: at once where its file changed."""
    mark, at = look.refused.get(_place(found), (None, ""))
    if mark is None:
        return False
    old = is_due(datetime.fromisoformat(at), AGAIN, look.context.now())
    return old or mark == "" or mark != _mark(look.context, found)


def _mark(context: Context, found: FoundImage) -> str:
    """What has to change for a refused file to be read again: its stamp, or a limit; "" for an
    address that only a fetch can tell about."""
    path = local_path(found.uri)
    return f"{stamp_of(path)} {context.config.images.max_megapixels}" if path else ""


def _settle(
    look: Look, found: Sequence[FoundImage], rest: Sequence[FoundImage], first: int
) -> None:
    """Say what the look came to; where images wait, the next tick goes on with them."""
    store, now = look.context.store, look.context.now()
    broken = _keep_faults(look, {_place(one) for one in found})
    settle_copies(look.context)
    ask_where_it_is(look.context, look.renamed)
    hold = look.identities.may_be_known(rest)
    waiting = {"looked": len(found) - len(rest), "of": len(found), "hold": hold}
    with store.atomic():
        store.keep_fact(_WAITING, json.dumps(waiting) if rest else "")
        if broken is None:
            store.keep_fact(_LISTED, now.isoformat())
        if not rest and store.fact(DECIDED):
            store.keep_fact(CURSOR, "")  # images may have annotations that came before them
            store.keep_fact(DECIDED, "")
    if look.new or rest:
        log.info("images found new=%d looked=%d of=%d", look.new, first - len(rest), first)
    if look.moved:
        words = f"{look.moved} images found again at new addresses"
        log.info("%s", words)
        store.note("info", words, now)
    if broken is not None:
        raise broken


def _keep_faults(look: Look, listed: set[str]) -> IntakeBroken | None:
    """Quarantine what cannot be used, and forget what is gone; nothing where it is our fault."""
    store, now = look.context.store, look.context.now()
    try:
        faults = look.intake.faults()
    except IntakeBroken as exc:
        store.keep_fact(_BROKEN, "1")
        return exc
    gone = look.refused.keys() - listed
    with store.atomic():
        store.keep_fact(_BROKEN, "")
        store.quarantine(faults, now)
        store.release(gone)
        store.forget_refused(gone)
        leave_out(look.context, look.unread)
        for one in [*look.faulty, *(found for found, _ in look.unread)]:
            store.keep_refused(_place(one), _mark(look.context, one), now)
        if any(_place(one) not in look.refused for one in look.faulty):
            store.keep_fact(DECIDED, "1")
    return None


def _place(found: FoundImage) -> str:
    return printable(place_of(found.key))

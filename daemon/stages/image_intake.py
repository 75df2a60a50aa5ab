"""Images from outside: listed every minute, looked into one by one, recognised by their bytes.

A look lists all images and asks a reader (image_readers.py) for those that are new, changed, or
due to be compared. Each tick keeps what is read by then, in one commit. A look ends when all is
read, or at the next listing; then its faults are kept. What still waits is for the next look.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from daemon.domain import FoundImage
from daemon.domain.clock import is_due
from daemon.domain.errors import IntakeBroken
from daemon.domain.faults import printable
from daemon.intake import Intake
from daemon.runs.records import Progress
from daemon.stages.context import Context
from daemon.stages.file_stamps import local_path, stamp_of
from daemon.stages.identical_images import exclude_copies
from daemon.stages.identity import Identities
from daemon.stages.image_content import DECIDED, place_of
from daemon.stages.image_look import Ingest, Look
from daemon.stages.image_readers import InlineReader
from daemon.stages.image_reading import Reading, Wanted
from daemon.stages.image_recording import keep_reading
from daemon.stages.renamed_files import ask_at_new_address
from daemon.stages.replaced_images import CHECKED_A_LOOK, leave_out, to_compare
from daemon.stages.unused_files import keep_unused_files
from daemon.store import Store

log = logging.getLogger(__name__)

CURSOR = "cursor"  # the fact that says how far the answers were read
AGAIN = timedelta(hours=1)  # a refused file that has not changed is read again after so long
MOST_ASKED = 20_000  # images of one look that wait for the reader, so that memory is bounded
WAITING = "images_waiting"  # JSON: looked, of, new, hold; "" where all are looked into
BROKEN = "images_intake_broken"  # the words of IntakeBroken; "" where intake works
_BROKEN_OF_OLD = "1"  # how an earlier version said so, without words
_LISTED = "images_listed_at"
_LISTING_EVERY = timedelta(seconds=60)


def list_images(context: Context) -> None:
    """Keep what is read; list all images at most once a minute, or go on where some still wait.

    Raises what the connector raises, what kept the reader from reading, and IntakeBroken.
    """
    store, ingest = context.store, ingest_of(context)
    listed, now = store.fact(_LISTED), context.now()
    due = not listed or is_due(datetime.fromisoformat(listed), _LISTING_EVERY, now)
    if ingest.look is not None and not due:  # a listing may be without what cannot be read
        _go_on(context, ingest, ingest.look)
    waits = ingest.look is None and (store.fact(WAITING) or store.fact(BROKEN))
    if due or waits:
        _look(context, ingest)
    _stay_broken(store, ingest)


def look_at_images(context: Context) -> None:
    """List all images; look into those that are new, changed, or due to be compared."""
    _look(context, ingest_of(context))


def ingest_of(context: Context) -> Ingest:
    """That of the daemon; a tick without one reads by itself."""
    return context.ingest or Ingest(reader=InlineReader(context.connector, context.config))


def still_looking(store: Store) -> str | None:
    """Why the loop waits for images that are not looked into yet, in words; None where it need not:
    before the first cycle it needs all of them, later those that it may know already."""
    waiting = json.loads(store.fact(WAITING) or "{}")
    if not waiting or not (waiting["hold"] or store.last_cycle() is None):
        return None
    return f"{waiting['looked']} of {waiting['of']} images are looked into; the rest follows"


def reading_progress(store: Store) -> Progress | None:
    """How many of the new images of the last listing are looked into; None where none waits."""
    waiting = json.loads(store.fact(WAITING) or "{}")
    if "new" not in waiting:
        return None
    read = waiting["new"] - (waiting["of"] - waiting["looked"])
    return Progress(phase="reading new images", step=read, steps=waiting["new"])


def _look(context: Context, ingest: Ingest) -> None:
    found = list(context.connector.images())
    if ingest.look is not None:
        _end(context, ingest, ingest.look)
    look, wanted = _new_look(context, found, ingest.through)
    with context.store.atomic():
        context.store.keep_fact(_LISTED, context.now().isoformat())
        _say_waiting(context.store, look)
    ingest.look = look
    ingest.reader.ask(wanted[:MOST_ASKED])
    keep_unused_files(context.store, context.connector)
    _go_on(context, ingest, look)


def _new_look(
    context: Context, found: Sequence[FoundImage], through: int
) -> tuple[Look, list[Wanted]]:
    """A look at these images, and what it asks the reader for, in order: some that are to be
    compared come early, so that a large pool of new images does not hold them up."""
    store = context.store
    listed = {one.key for one in found}
    identities = Identities(store.known_images(), store.former_keys(), store.task_images(), listed)
    refused = store.refused_images()
    known = [(one, image) for one in found if (image := identities.known(one))]
    fresh = [one for one in found if identities.known(one) is None]
    first = [one for one in fresh if _place(one) not in refused]
    new = [Wanted(found=one, by_address=identities.by_address(one) is not None) for one in first]
    again = [Wanted(found=one) for one in fresh if _is_due(context, one, refused)]
    compared, some = to_compare(context, known), CHECKED_A_LOOK
    look = Look(
        identities=identities,
        refused=refused,
        listed=listed,
        rest={one.key: one for one in first},
        first=len(first),
        hold=identities.may_be_known(first),
        intake=Intake(through),
    )
    return look, [*new[:some], *compared[:some], *new[some:], *again, *compared[some:]]


def _go_on(context: Context, ingest: Ingest, look: Look) -> None:
    """Keep what is read by now. Raises what keeps the reader from reading."""
    kept = 0
    try:
        with context.store.atomic():
            for reading in ingest.reader.finished():
                keep_reading(context, look, reading)
                kept += 1
            if kept:
                _say_waiting(context.store, look)
    except Exception:
        ingest.drop()
        raise
    if kept:
        exclude_copies(context)
        ask_at_new_address(context, look.renamed)
        look.renamed.clear()
    failure = ingest.reader.failure()
    if failure is not None:
        raise failure
    if not ingest.reader.left():
        _end(context, ingest, look)


def _end(context: Context, ingest: Ingest, look: Look) -> None:
    """Say what the look came to; where images wait, the next one goes on with them."""
    store, now = context.store, context.now()
    ingest.look = None
    broken = _keep_faults(context, look)
    ingest.through = look.intake.accepted if broken is not None else 0
    exclude_copies(context)
    look.hold = look.identities.may_be_known(list(look.rest.values()))
    with store.atomic():
        _say_waiting(store, look)
        if not look.rest and store.fact(DECIDED):
            store.keep_fact(CURSOR, "")  # images may have annotations that came before them
            store.keep_fact(DECIDED, "")
    if look.new or look.rest:
        looked = look.first - len(look.rest)
        log.info("images found new=%d looked=%d of=%d", look.new, looked, look.first)
    if look.moved:
        words = f"{look.moved} images found again at new addresses"
        log.info("%s", words)
        store.add_event("info", words, now)
    if broken is not None:
        raise broken


def _say_waiting(store: Store, look: Look) -> None:
    waiting = {
        "looked": look.looked,
        "of": len(look.listed),
        "new": look.first,
        "hold": look.hold,
    }
    store.keep_fact(WAITING, json.dumps(waiting) if look.rest else "")


def _keep_faults(context: Context, look: Look) -> IntakeBroken | None:
    """Quarantine what cannot be used, and forget what is gone; nothing where it is our fault."""
    store, now = context.store, context.now()
    try:
        faults = look.intake.faults()
    except IntakeBroken as exc:
        store.keep_fact(BROKEN, str(exc))
        return exc
    gone = look.refused.keys() - {printable(place_of(key)) for key in look.listed}
    with store.atomic():
        store.keep_fact(BROKEN, "")
        store.quarantine(faults, now)
        store.release(gone)
        store.forget_refused(gone)
        leave_out(context, look.unusable)
        for one in look.unusable:
            store.keep_refused(one.place, _mark_of(context, one), now)
        if any(one.wanted.known is None and one.place not in look.refused for one in look.unusable):
            store.keep_fact(DECIDED, "1")
    return None


def _stay_broken(store: Store, ingest: Ingest) -> None:
    """Until a further look has come to its end, nothing says that intake works again."""
    words = store.fact(BROKEN)
    if ingest.look is not None and words and words != _BROKEN_OF_OLD:
        raise IntakeBroken(words)


def _is_due(context: Context, found: FoundImage, refused: dict[str, tuple[str, str]]) -> bool:
    """Whether an image that was refused is read again: at once where its file changed."""
    mark, at = refused.get(_place(found), (None, ""))
    if mark is None:
        return False
    path = local_path(found.uri)
    stamp = stamp_of(path) if path else ""
    old = is_due(datetime.fromisoformat(at), AGAIN, context.now())
    return old or mark == "" or mark != _mark(context, found, stamp)


def _mark_of(context: Context, reading: Reading) -> str:
    return _mark(context, reading.wanted.found, reading.stamp)


def _mark(context: Context, found: FoundImage, stamp: str) -> str:
    """What has to change for a refused file to be read again: its stamp, or a limit; "" for an
    address that only a fetch can tell about."""
    if local_path(found.uri) is None:
        return ""
    return f"{stamp} {context.config.images.max_megapixels}"


def _place(found: FoundImage) -> str:
    return printable(place_of(found.key))

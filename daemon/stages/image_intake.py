"""Intake of images: lists them every minute, has them read, and recognizes them by their bytes.

A scan (image_scan.py) lists all images and requests from a reader (image_readers.py) those that are
new, changed, or due for a comparison. Each tick saves what is read by then, in one commit. A scan
ends when all requested images are read, or at the next listing; then its faults are saved. The next
scan requests the images that are still unread.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from daemon.domain import FoundImage
from daemon.domain.clock import is_due
from daemon.domain.errors import IntakeBroken
from daemon.intake import Intake
from daemon.runs.records import Progress
from daemon.stages.context import Context
from daemon.stages.file_stamps import local_path, stamp_of
from daemon.stages.identical_images import exclude_copies
from daemon.stages.identity import Identities
from daemon.stages.image_content import READ_ANSWERS_AGAIN, fault_location
from daemon.stages.image_readers import InlineReader
from daemon.stages.image_reading import ReadRequest
from daemon.stages.image_recording import save_result
from daemon.stages.image_scan import Ingest, Scan
from daemon.stages.renamed_files import ask_at_new_address
from daemon.stages.replaced_images import (
    COMPARED_PER_SCAN,
    exclude_unreadable,
    images_to_compare,
)
from daemon.stages.unused_files import save_unused_files
from daemon.store import Store

log = logging.getLogger(__name__)

CURSOR = "cursor"  # the fact: up to which change the answers are read
RETRY_AFTER = timedelta(hours=1)  # for a refused image whose file has not changed
MAX_REQUESTS = 20_000  # of one scan, so that memory is bounded
WAITING = "images_waiting"  # JSON: looked, of, new, hold; "" once all images are read
BROKEN = "images_intake_broken"  # the message of IntakeBroken; "" while the intake works
_BROKEN_WITHOUT_MESSAGE = "1"  # as an earlier version saved it
_LISTED_AT = "images_listed_at"
_LISTING_INTERVAL = timedelta(seconds=60)


def sync_images(context: Context) -> None:
    """Save what is read; list all images when that is due, or when images of the last scan wait.

    Raises what the connector raises, what stopped the reader, and IntakeBroken.
    """
    store, ingest = context.store, ingest_of(context)
    listed_at, now = store.fact(_LISTED_AT), context.now()
    due = not listed_at or is_due(datetime.fromisoformat(listed_at), _LISTING_INTERVAL, now)
    if ingest.scan is not None and not due:  # a listing may lack what cannot be read now
        _continue_scan(context, ingest, ingest.scan)
    waits = ingest.scan is None and (store.fact(WAITING) or store.fact(BROKEN))
    if due or waits:
        _start_scan(context, ingest)
    _raise_if_still_broken(store, ingest)


def scan_images(context: Context) -> None:
    """Start a scan now, whenever the last listing was. Raises as `sync_images` does."""
    _start_scan(context, ingest_of(context))


def ingest_of(context: Context) -> Ingest:
    """The ingest of the daemon; a new one that reads inside the tick if the context has none."""
    return context.ingest or Ingest(reader=InlineReader(context.connector, context.config))


def image_wait_reason(store: Store) -> str | None:
    """Why the loop waits for unread images; None if it need not wait.

    The first cycle needs all images; later ones wait only for those that may be known ones.
    """
    waiting = json.loads(store.fact(WAITING) or "{}")
    if not waiting or not (waiting["hold"] or store.last_cycle() is None):
        return None
    return f"{waiting['looked']} of {waiting['of']} images are read; the rest follows"


def reading_progress(store: Store) -> Progress | None:
    """How many new images of the last listing are read; None if none is unread."""
    waiting = json.loads(store.fact(WAITING) or "{}")
    if "new" not in waiting:
        return None
    read = waiting["new"] - (waiting["of"] - waiting["looked"])
    return Progress(phase="reading new images", step=read, steps=waiting["new"])


def _start_scan(context: Context, ingest: Ingest) -> None:
    images = list(context.connector.images())
    if ingest.scan is not None:
        _end_scan(context, ingest, ingest.scan)
    scan, requests = _new_scan(context, images, ingest.accepted)
    with context.store.atomic():
        context.store.keep_fact(_LISTED_AT, context.now().isoformat())
        _save_waiting(context.store, scan)
    ingest.scan = scan
    ingest.reader.request(requests[:MAX_REQUESTS])
    save_unused_files(context.store, context.connector)
    _continue_scan(context, ingest, scan)


def _new_scan(
    context: Context, images: Sequence[FoundImage], accepted: int
) -> tuple[Scan, list[ReadRequest]]:
    """A scan of these images, and its requests in order.

    Some comparisons come early, so that a large pool of new images does not delay them.
    """
    store = context.store
    listed = {found.key for found in images}
    identities = Identities(store.known_images(), store.former_keys(), store.task_images(), listed)
    refused = store.refused_images()
    known = [(found, image) for found in images if (image := identities.known(found))]
    unknown = [found for found in images if identities.known(found) is None]
    unread = [found for found in unknown if fault_location(found.key) not in refused]
    new = [
        ReadRequest(found=found, recognized_by_address=identities.by_address(found) is not None)
        for found in unread
    ]
    retries = [ReadRequest(found=found) for found in unknown if _is_due(context, found, refused)]
    compared, early = images_to_compare(context, known), COMPARED_PER_SCAN
    scan = Scan(
        identities=identities,
        refused=refused,
        listed=listed,
        unread={found.key: found for found in unread},
        new=len(unread),
        blocks_cycle=identities.may_be_known(unread),
        intake=Intake(accepted),
    )
    return scan, [*new[:early], *compared[:early], *new[early:], *retries, *compared[early:]]


def _continue_scan(context: Context, ingest: Ingest, scan: Scan) -> None:
    """Save what is read by now, and end the scan if that is all. Raises what stopped the reader."""
    saved = 0
    try:
        with context.store.atomic():
            for result in ingest.reader.results():
                save_result(context, scan, result)
                saved += 1
            if saved:
                _save_waiting(context.store, scan)
    except Exception:
        ingest.discard_scan()
        raise
    if saved:
        exclude_copies(context)
        ask_at_new_address(context, scan.renamed)
        scan.renamed.clear()
    failure = ingest.reader.failure()
    if failure is not None:
        raise failure
    if not ingest.reader.remaining():
        _end_scan(context, ingest, scan)


def _end_scan(context: Context, ingest: Ingest, scan: Scan) -> None:
    """Save the outcome of a scan; unread images are left for the next one. Raises IntakeBroken."""
    store, now = context.store, context.now()
    ingest.scan = None
    broken = _save_faults(context, scan)
    ingest.accepted = scan.intake.accepted if broken is not None else 0
    exclude_copies(context)
    scan.blocks_cycle = scan.identities.may_be_known(list(scan.unread.values()))
    with store.atomic():
        _save_waiting(store, scan)
        if not scan.unread and store.fact(READ_ANSWERS_AGAIN):
            store.keep_fact(CURSOR, "")  # annotations of new images may be older than the cursor
            store.keep_fact(READ_ANSWERS_AGAIN, "")
    if scan.added or scan.unread:
        read = scan.new - len(scan.unread)
        log.info("images read added=%d read=%d of=%d", scan.added, read, scan.new)
    if scan.recognized:
        message = f"{scan.recognized} images recognized at new addresses"
        log.info("%s", message)
        store.add_event("info", message, now)
    if broken is not None:
        raise broken


def _save_waiting(store: Store, scan: Scan) -> None:
    waiting = {
        "looked": scan.read,
        "of": len(scan.listed),
        "new": scan.new,
        "hold": scan.blocks_cycle,
    }
    store.keep_fact(WAITING, json.dumps(waiting) if scan.unread else "")


def _save_faults(context: Context, scan: Scan) -> IntakeBroken | None:
    """Quarantine the images that cannot be used, and forget those that are not listed any more.

    Saves no fault and returns the error if Maskloop itself is at fault.
    """
    store, now = context.store, context.now()
    try:
        faults = scan.intake.faults()
    except IntakeBroken as exc:
        store.keep_fact(BROKEN, str(exc))
        return exc
    gone = scan.refused.keys() - {fault_location(key) for key in scan.listed}
    with store.atomic():
        store.keep_fact(BROKEN, "")
        store.quarantine(faults, now)
        store.release(gone)
        store.forget_refused(gone)
        exclude_unreadable(context, scan.unusable)
        for result in scan.unusable:
            state = _file_state(context, result.request.found, result.stamp)
            store.keep_refused(result.fault_location, state, now)
        newly_refused = [
            result
            for result in scan.unusable
            if result.request.known is None and result.fault_location not in scan.refused
        ]
        if newly_refused:
            store.keep_fact(READ_ANSWERS_AGAIN, "1")
    return None


def _raise_if_still_broken(store: Store, ingest: Ingest) -> None:
    """Raise IntakeBroken again while the next scan has not ended: only its end disproves it."""
    message = store.fact(BROKEN)
    if ingest.scan is not None and message and message != _BROKEN_WITHOUT_MESSAGE:
        raise IntakeBroken(message)


def _is_due(context: Context, found: FoundImage, refused: Mapping[str, tuple[str, str]]) -> bool:
    """Whether a refused image is read again now: at once if its file or the limit changed."""
    before, at = refused.get(fault_location(found.key), (None, ""))
    if before is None:
        return False
    path = local_path(found.uri)
    state = _file_state(context, found, stamp_of(path) if path else "")
    retry = is_due(datetime.fromisoformat(at), RETRY_AFTER, context.now())
    return retry or before == "" or before != state


def _file_state(context: Context, found: FoundImage, stamp: str) -> str:
    """What decides whether a local file can be used: its stamp and the size limit; "" for other
    addresses, whose images are read again at every scan."""
    if local_path(found.uri) is None:
        return ""
    return f"{stamp} {context.config.images.max_megapixels}"

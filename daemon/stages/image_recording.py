"""Saves what was read of an image: as a new image, a known one at a new address, or a change."""

from __future__ import annotations

from daemon.domain import FoundImage, Image
from daemon.stages.context import Context
from daemon.stages.file_stamps import local_path
from daemon.stages.identity import Recognized
from daemon.stages.image_content import CURE, EXPECTED, READ_ANSWERS_AGAIN
from daemon.stages.image_reading import ReadResult
from daemon.stages.image_scan import Scan
from daemon.stages.replaced_images import save_comparison


def save_result(context: Context, scan: Scan, result: ReadResult) -> None:
    """Save the result of one read; an image that cannot be used becomes a fault of the scan.

    A result is ignored if its image is not listed any more, or if its bytes are needed after all:
    the next scan requests it again.
    """
    found = result.request.found
    if found.key not in scan.listed or _needs_bytes(scan, result):
        return
    scan.unread.pop(found.key, None)
    if result.failure is not None:
        scan.intake.add_failure(result.failure)
        scan.unusable.append(result)
        return
    saved = False
    where = result.fault_location
    with scan.intake.guard(where, expected=EXPECTED, cure=CURE), context.store.atomic():
        if result.request.known is not None:
            save_comparison(context, result, result.request.known)
        else:
            _save_new(context, scan, result)
        saved = True
    if not saved:
        scan.unusable.append(result)


def _needs_bytes(scan: Scan, result: ReadResult) -> bool:
    """Whether an address that identified a known image does so no more, since another image of the
    scan has turned out to be that one."""
    request = result.request
    return request.recognized_by_address and scan.identities.by_address(request.found) is None


def _save_new(context: Context, scan: Scan, result: ReadResult) -> None:
    """Save a new key: as another address of a known image, or as a new image."""
    store, found, image = context.store, result.request.found, result.image
    recognized = scan.identities.by_address(found)
    path, stamp = local_path(found.uri), ""
    if recognized is None and image is not None:
        recognized = scan.identities.by_content(found, image.sha256)
        path, stamp = image.path, result.stamp
    if recognized is not None:
        _update_address(context, scan, found, recognized)
        if path is not None:
            store.move_file(recognized.image.id, path, stamp)
    elif image is not None:
        _add(context, scan, image, result)
    store.release([result.fault_location])
    store.forget_refused([result.fault_location])
    store.keep_fact(READ_ANSWERS_AGAIN, "1")


def _add(context: Context, scan: Scan, image: Image, result: ReadResult) -> None:
    at = context.now().isoformat()
    context.store.add_image(image, result.request.found.task, result.stamp, at)
    scan.added += 1


def _update_address(
    context: Context, scan: Scan, found: FoundImage, recognized: Recognized
) -> None:
    store, image = context.store, recognized.image
    if recognized.is_second_address:
        store.add_former_key(found.key, image.id)
        return
    store.renew_image(image.id, found)
    if image.task is not None and found.task is not None:
        store.move_task(image.id, image.task, found.task, context.now())
    if found.task is None:
        scan.renamed.append(image.id)
    scan.identities.move(image, found)
    scan.recognized += 1

"""What was read becomes rows of the store: images that are new, at a new address, or replaced."""

from __future__ import annotations

from daemon.domain import FoundImage, Image
from daemon.stages.context import Context
from daemon.stages.file_stamps import local_path
from daemon.stages.identity import Recognised
from daemon.stages.image_content import CURE, DECIDED, EXPECTED
from daemon.stages.image_look import Look
from daemon.stages.image_reading import Reading
from daemon.stages.replaced_images import keep_comparison


def keep_reading(context: Context, look: Look, reading: Reading) -> None:
    """Keep what came of one image, inside the guard: one that cannot be used is a fault.

    An image that is not listed any more is left alone, and one that had to be read after all waits
    for the next look.
    """
    found = reading.wanted.found
    if found.key not in look.listed or _has_to_be_read(look, reading):
        return
    look.rest.pop(found.key, None)
    if reading.failure is not None:
        look.intake.add_failure(reading.failure)
        look.unusable.append(reading)
        return
    done = False
    with look.intake.guard(reading.place, expected=EXPECTED, cure=CURE), context.store.atomic():
        if reading.wanted.known is not None:
            keep_comparison(context, reading, reading.wanted.known)
        else:
            _keep_new(context, look, reading)
        done = True
    if not done:
        look.unusable.append(reading)


def _has_to_be_read(look: Look, reading: Reading) -> bool:
    """Whether its address told which image it is, and another one has turned out to be that."""
    found = reading.wanted.found
    return reading.wanted.by_address and look.identities.by_address(found) is None


def _keep_new(context: Context, look: Look, reading: Reading) -> None:
    """Keep one image, or recognise it. What was read before it was known is read again."""
    store, found, image = context.store, reading.wanted.found, reading.image
    recognised = look.identities.by_address(found)
    path, stamp = local_path(found.uri), ""
    if recognised is None and image is not None:
        recognised = look.identities.by_content(found, image.sha256)
        path, stamp = image.path, reading.stamp
    if recognised is not None:
        _renew(context, look, found, recognised)
        if path is not None:
            store.move_file(recognised.image.id, path, stamp)
    elif image is not None:
        _add(context, look, image, reading)
    store.release([reading.place])
    store.forget_refused([reading.place])
    store.keep_fact(DECIDED, "1")


def _add(context: Context, look: Look, image: Image, reading: Reading) -> None:
    at = context.now().isoformat()
    context.store.add_image(image, reading.wanted.found.task, reading.stamp, at)
    look.new += 1


def _renew(context: Context, look: Look, found: FoundImage, recognised: Recognised) -> None:
    store, image = context.store, recognised.image
    if recognised.further:
        store.add_former_key(found.key, image.id)
        return
    store.renew_image(image.id, found)
    if image.task is not None and found.task is not None:
        store.move_task(image.id, image.task, found.task, context.now())
    if found.task is None:
        look.renamed.append(image.id)
    look.identities.move(image, found)
    look.moved += 1

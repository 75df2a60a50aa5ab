"""An image that a run could not use, though it could be read when it came, is set aside."""

from __future__ import annotations

import logging
import shutil

from daemon.domain import Fault, Role, Stage
from daemon.stages.context import Context
from daemon.stages.stamps import stamp_of

log = logging.getLogger(__name__)


def set_aside(context: Context, cycle: int, stage: Stage, image_id: int, words: str) -> bool:
    """Exclude the image and forget the run, so that it is made again without it.

    False for an image that the loop does not know (a test image), or that is out already.
    """
    store = context.store
    known = {image.id: image for image in store.images() if image.role is not Role.EXCLUDED}
    if image_id not in known:
        return False
    fault = Fault(
        where=f"image {known[image_id].key}",
        got=words,
        expected="the image that was there when it was taken in",
        cure="restore the file: the daemon looks every minute, and the image takes part again "
        "when its file is whole; until then it is left out",
    )
    with store.atomic():
        mark = stamp_of(known[image_id].path)
        store.set_aside(image_id, "a run could not use it", mark)
        store.quarantine([fault], context.now())
    shutil.rmtree(context.run(cycle, stage).path, ignore_errors=True)
    log.warning("image set aside image=%s stage=%s: %s", known[image_id].key, stage, words)
    return True

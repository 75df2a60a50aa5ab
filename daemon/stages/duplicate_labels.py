"""Reports images that several people labeled.

Label Studio's locks are not atomic on SQLite, so two people sometimes get the same image. Each such
image counts as one label of the budget: the ground truth, else what `[loop] label_in_effect` says.
"""

from __future__ import annotations

import logging

from daemon.domain.formatting import count
from daemon.stages.context import Context

log = logging.getLogger(__name__)

_WORDS = {
    "latest": "the latest",
    "first": "the first",
    "ground_truth": "the first until somebody marks one as ground truth",
    "majority": "what most people say at each pixel",
}
_REPORTED = "doubles_said"  # name of the stored fact: the number of such images


def report_duplicate_labels(context: Context) -> None:
    """Log the number of images with labels of several people when it grows."""
    store = context.store
    duplicates = store.duplicate_labels()
    reported = int(store.fact(_REPORTED) or 0)
    if len(duplicates) > reported:
        newest, policy = duplicates[-1], _WORDS[context.config.loop.label_in_effect]
        new = len(duplicates) - reported
        message = (
            f"several people labeled {count(len(duplicates), 'image')}, {new} of them new; each"
            f" counts once: the ground truth, else {policy}"
        )
        log.info("%s; the newest: %s", message, newest.image_name)
        store.add_event("info", message, context.now())
    if len(duplicates) != reported:
        store.keep_fact(_REPORTED, str(len(duplicates)))

"""Reports images that several people labeled.

Label Studio's locks are not atomic on SQLite, so it sometimes gives two people the same image. Each
image is one label and costs the budget once: the ground truth counts, else what `[loop]
label_in_effect` names.
"""

from __future__ import annotations

import logging

from daemon.stages.context import Context

log = logging.getLogger(__name__)

_REPORTED = "doubles_said"  # the fact: how many


def report_duplicate_labels(context: Context) -> None:
    """Log it when more images have labels of several people than were reported."""
    store = context.store
    doubles = store.duplicate_labels()
    reported = int(store.fact(_REPORTED) or 0)
    if len(doubles) > reported:
        newest, which = doubles[-1], context.config.loop.label_in_effect
        words = (
            f"{len(doubles)} images were labeled by several people, {len(doubles) - reported} of "
            f"them new; each counts once: the ground truth, else the {which}"
        )
        log.info("%s; one of them: %s", words, newest.image_name)
        store.add_event("info", words, context.now())
    if len(doubles) != reported:
        store.keep_fact(_REPORTED, str(len(doubles)))

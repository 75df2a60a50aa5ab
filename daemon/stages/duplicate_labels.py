"""Said once: images that two people were handed.

Label Studio's locks are not atomic on SQLite, so it hands the same image to two people now and
then. Each image is one label and costs the budget once: the ground truth counts, else what
`[loop] label_in_effect` names.
"""

from __future__ import annotations

import logging

from daemon.stages.context import Context

log = logging.getLogger(__name__)

_SAID = "doubles_said"


def say_doubles(context: Context) -> None:
    """Log and note it when more images have labels of several people than were told of."""
    store = context.store
    doubles = store.doubles()
    said = int(store.fact(_SAID) or 0)
    if len(doubles) > said:
        newest, which = doubles[-1], context.config.loop.label_in_effect
        words = (
            f"{len(doubles)} images were labeled by several people, {len(doubles) - said} of them "
            f"new; each counts once: the ground truth, else the {which}"
        )
        log.info("%s; one of them: %s", words, newest["image"])
        store.note("info", words, context.now())
    if len(doubles) != said:
        store.keep_fact(_SAID, str(len(doubles)))

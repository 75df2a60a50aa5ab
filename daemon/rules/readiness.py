"""Whether the next cycle may begin, what it waits for, and whether the loop has ended. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from daemon.domain.formatting import waiting_for_people


class Ending(enum.StrEnum):
    """How the loop ended: neither the daemon nor the annotators can move it on. A changed setting
    or new images can, and then it continues."""

    BUDGET_SPENT = "budget spent"
    ALL_LABELED = "all images labeled"
    CYCLES_TRAINED = "cycles trained"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The facts that the decision depends on; all counts are images.

    open_tasks: asked and not answered. open_earlier: those of them that are not of the newest
    batch. open_allowed: the most that may stay open when a cycle begins; None: any number.
    train_labels: labels that may train. new_labels: labels since the last cycle began.
    enough_labels: the new labels that a training needs. may_ask: images that may still be asked,
    within the budget. trained_cycles: cycles with a model so far. cycle_limit: None for no limit.
    left_out: why no image is left to train on, in words; "" where there are some.
    """

    started: bool
    usable_images: int
    open_tasks: int
    open_earlier: int
    open_allowed: int | None
    train_labels: int
    new_labels: int
    enough_labels: int
    labels_left: int
    may_ask: int
    trained_cycles: int
    cycle_limit: int | None
    left_out: str = ""


def reason_to_wait(now: Standing) -> str | None:
    """Why no new cycle may begin yet, in words; None when it may.

    A training needs as many new labels as a batch has. Only when no more can come, one last
    training takes fewer.
    """
    if not now.started:
        return None if now.usable_images else "no usable images yet: the pool is empty"
    if _limit_reached(now):
        return "all cycles that --cycles asked for are trained"
    if now.open_tasks and not _may_begin_beside_open(now):
        return waiting_for_people(now.open_tasks - now.open_earlier, now.open_earlier)
    if not now.train_labels:
        return now.left_out or "no labeled image to train on yet"
    if now.new_labels >= now.enough_labels or (_untrained(now) and _nothing_comes(now)):
        return None
    if _nothing_comes(now):
        return "no new labels since the last cycle"
    return f"{now.new_labels} of {now.enough_labels} new labels that a training needs"


def lacking(now: Standing) -> int:
    """How many more images to ask: nobody has any open, and the new labels are too few for a
    training, or none of them may train; 0: none."""
    if not now.started or _limit_reached(now) or now.open_tasks:
        return 0
    came = now.new_labels if now.train_labels else 0
    return max(0, min(now.enough_labels - came, now.may_ask))


def ending(now: Standing) -> Ending | None:
    """How the loop has ended; None while the daemon or the annotators can move it on, and where a
    setting leaves no image to train on, since a person has to correct that."""
    if not now.started:
        return None
    if _limit_reached(now):
        return Ending.CYCLES_TRAINED
    if now.left_out or not _nothing_comes(now) or (_untrained(now) and now.train_labels):
        return None
    return Ending.ALL_LABELED if now.labels_left else Ending.BUDGET_SPENT


def _may_begin_beside_open(now: Standing) -> bool:
    """Whether a batch counts as done although images of it are open."""
    enough = now.new_labels >= now.enough_labels
    allowed = now.open_allowed is None or now.open_tasks <= now.open_allowed
    return (enough and allowed) or _nothing_comes(now)


def _nothing_comes(now: Standing) -> bool:
    """Whether no more labels are wanted, or none can come: no task is open, none may be asked."""
    return not now.labels_left or not (now.open_tasks or now.may_ask)


def _untrained(now: Standing) -> bool:
    """Whether there are labels that no model was trained on."""
    return bool(now.new_labels) or not now.trained_cycles


def _limit_reached(now: Standing) -> bool:
    return now.cycle_limit is not None and now.trained_cycles >= now.cycle_limit

"""Whether the next cycle may begin, what it waits for, and whether the loop has ended. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from daemon.domain.formatting import waiting_for_people


class Ending(enum.StrEnum):
    """Why the loop has ended: neither the daemon nor the annotators can advance it.

    It continues when a setting is changed or images are added.
    """

    BUDGET_SPENT = "budget spent"
    ALL_LABELED = "all images labeled"
    CYCLES_TRAINED = "cycles trained"


@dataclass(frozen=True, kw_only=True)
class LoopFacts:
    """The state of the loop that the decision depends on; all counts are images.

    open_tasks: sent to annotators and not answered. open_earlier: those of them that belong to
    earlier batches. max_open_tasks: how many may stay open when a cycle begins; None: any number.
    train_labels: labels of the training pool. new_labels: labels since the last cycle began.
    needed_labels: new labels that a training needs. may_request: images that annotators may still
    be asked for, within the budget. trained_cycles: cycles with a model so far. cycle_limit: None
    for no limit. no_training_images: the reason why no image is left to train on; "" if some are.
    paused: why a person keeps cycles from beginning; "" if nobody does.
    """

    started: bool
    usable_images: int
    open_tasks: int
    open_earlier: int
    max_open_tasks: int | None
    train_labels: int
    new_labels: int
    needed_labels: int
    labels_left: int
    may_request: int
    trained_cycles: int
    cycle_limit: int | None
    no_training_images: str = ""
    paused: str = ""


def reason_to_wait(facts: LoopFacts) -> str | None:
    """Why no new cycle may begin yet, as a sentence; None when one may.

    A training needs as many new labels as a batch has. When no more labels can come, the last
    training starts with fewer.
    """
    if not facts.started:
        return None if facts.usable_images else "no usable images yet: the pool is empty"
    if _limit_reached(facts):
        return "all cycles that --cycles asked for are trained"
    if facts.paused:
        return facts.paused
    if facts.open_tasks and not _may_start_with_open_tasks(facts):
        return waiting_for_people(facts.open_tasks - facts.open_earlier, facts.open_earlier)
    if not facts.train_labels:
        return facts.no_training_images or "no labeled image to train on yet"
    if facts.new_labels >= facts.needed_labels or (
        _has_untrained_labels(facts) and _no_more_labels(facts)
    ):
        return None
    if _no_more_labels(facts):
        return "no new labels since the last cycle"
    return f"{facts.new_labels} of {facts.needed_labels} new labels that a training needs"


def images_to_request(facts: LoopFacts) -> int:
    """How many more images to ask annotators for, at least 0.

    More than 0 only if no task is open and there are too few new labels for a training, or none
    of the training pool.
    """
    if not facts.started or _limit_reached(facts) or facts.open_tasks:
        return 0
    usable = facts.new_labels if facts.train_labels else 0
    return max(0, min(facts.needed_labels - usable, facts.may_request))


def ending(facts: LoopFacts) -> Ending | None:
    """Why the loop has ended; None while the daemon or the annotators can advance it.

    Also None if a setting leaves no image to train on: a person has to correct that.
    """
    if not facts.started:
        return None
    if _limit_reached(facts):
        return Ending.CYCLES_TRAINED
    if (
        facts.no_training_images
        or not _no_more_labels(facts)
        or (_has_untrained_labels(facts) and facts.train_labels)
    ):
        return None
    return Ending.ALL_LABELED if facts.labels_left else Ending.BUDGET_SPENT


def _may_start_with_open_tasks(facts: LoopFacts) -> bool:
    """Whether a batch counts as done although some of its tasks are open."""
    enough = facts.new_labels >= facts.needed_labels
    allowed = facts.max_open_tasks is None or facts.open_tasks <= facts.max_open_tasks
    return (enough and allowed) or _no_more_labels(facts)


def _no_more_labels(facts: LoopFacts) -> bool:
    """Whether the budget is spent, or no more labels can come: no task is open or may be made."""
    return not facts.labels_left or not (facts.open_tasks or facts.may_request)


def _has_untrained_labels(facts: LoopFacts) -> bool:
    """Whether there are labels that no model was trained with yet."""
    return bool(facts.new_labels) or not facts.trained_cycles


def _limit_reached(facts: LoopFacts) -> bool:
    return facts.cycle_limit is not None and facts.trained_cycles >= facts.cycle_limit

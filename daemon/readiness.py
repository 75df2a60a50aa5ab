"""Why the next cycle should wait, in words, or None. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the decision is made from; all counts are images.

    open_tasks: asked and not answered; up to open_allowed of them may stay open while a model
    trains. trained_cycles: cycles with a model so far. train_labels: labels that may train.
    new_labels: labels since the last cycle began. enough_labels: so many of them begin a cycle
    whatever is open, 0: none do. cycle_limit: None for no limit. left_out: why no image is left to
    train on, in words, "" where some are.
    """

    started: bool
    usable_images: int
    open_tasks: int
    open_allowed: int
    train_labels: int
    new_labels: int
    enough_labels: int
    labels_left: int
    candidates: int
    trained_cycles: int
    cycle_limit: int | None
    left_out: str = ""


def reason_to_wait(now: Standing) -> str | None:
    """The first thing that stands in the way of a new cycle; None when it may start."""
    if not now.started:
        return None if now.usable_images else "no usable images yet: the pool is empty"
    if now.cycle_limit is not None and now.trained_cycles >= now.cycle_limit:
        return f"all {now.cycle_limit} cycles are trained"
    enough = 0 < now.enough_labels <= now.new_labels
    too_many_open = now.open_tasks > now.open_allowed or (now.open_tasks and not now.new_labels)
    if too_many_open and not enough:
        return f"{now.open_tasks} images of the batch wait for annotators"
    if not now.train_labels:
        return now.left_out or "no labeled image to train on yet"
    if not now.new_labels:
        return _nothing_new(now)
    return None


def is_final(now: Standing) -> bool:
    """Whether nothing that the daemon does can change the wait: people have to."""
    done = now.cycle_limit is not None and now.trained_cycles >= now.cycle_limit
    return now.started and (done or (not now.open_tasks and not now.new_labels))


def _nothing_new(now: Standing) -> str:
    if not now.labels_left:
        return "the label budget is spent; raise [loop] budget_labels to go on"
    if not now.candidates:
        return "every image of the pool is labeled or was asked; add images to go on"
    return "no new labels since the last cycle"

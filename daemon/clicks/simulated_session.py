"""One object clicked by the simulated clicker: how good the mask is after each click."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from daemon.clicks.click import Click, ClickEngine, ClickQuestion
from daemon.clicks.click_answer import mask_of
from daemon.clicks.click_metrics import object_iou, tolerant_iou
from daemon.clicks.click_window import BoolMap
from daemon.clicks.simulated_clicker import ClickRule, next_click


@dataclass(frozen=True, kw_only=True)
class ClickedTruth:
    """What the clicker knows. inside, valid: (H, W), the object, and where there is a label."""

    inside: BoolMap
    valid: BoolMap


@dataclass(kw_only=True)
class ClickCourse:
    """ious, tolerant: IoU, and IoU with a pixel of tolerance, after 0, 1, 2, ... clicks. seconds:
    that the engine spent on each click, by the clock of the caller."""

    ious: list[float] = field(default_factory=list)
    tolerant: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def clicked(
    engine: ClickEngine,
    question: ClickQuestion,
    truth: ClickedTruth,
    *,
    most: int,
    enough: float,
    rule: ClickRule,
    rng: np.random.Generator,
    clock: Callable[[], float],
) -> ClickCourse:
    """Click on an object until its mask has the IoU `enough`, or `most` times.

    question: the image with prior and initial mask; its clicks and previous answer do not count.
    """
    size, course, clicks = truth.inside.shape, ClickCourse(), tuple[Click, ...]()
    answer = question.initial
    inside = np.zeros(size, np.bool_) if answer is None else mask_of(answer, (size[0], size[1]))
    _add(course, inside, truth)
    while len(clicks) < most and course.ious[-1] < enough:
        click = next_click(inside, truth.inside, clicks, valid=truth.valid, rule=rule, rng=rng)
        if click is None:
            break
        clicks = (*clicks, click)
        asked = replace(question, clicks=clicks, previous=answer if len(clicks) > 1 else None)
        before_s = clock()
        answer = engine.segment(asked)
        course.seconds.append(clock() - before_s)
        inside = mask_of(answer, (size[0], size[1]))
        _add(course, inside, truth)
    return course


def _add(course: ClickCourse, inside: BoolMap, truth: ClickedTruth) -> None:
    course.ious.append(object_iou(inside, truth.inside, truth.valid))
    course.tolerant.append(tolerant_iou(inside, truth.inside, truth.valid))

"""May the new network serve? Simulated clicks on objects of validation images, for it and for the
engine that serves; of the same objects, so that the difference is paired."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from daemon.clicks.click import ClickEngine, ClickQuestion
from daemon.clicks.click_metrics import best_within, clicks_to, mean_interval
from daemon.clicks.mask_objects import MaskObject, objects_of
from daemon.clicks.simulated_clicker import ClickRule
from daemon.clicks.simulated_session import ClickCourse, ClickedTruth, clicked
from daemon.clicks.walk_engines import PriorWalk
from daemon.domain.errors import RunFailed
from daemon.hrda.click_net.click_checkpoint import ClickModel, read_click_model
from daemon.hrda.click_net.labeled_objects import LabeledPicture
from daemon.runs.click_records import ClickTrial, EngineFigures, PairedGap, TrainClicksRequest

log = logging.getLogger(__name__)

MOST_CLICKS = 20
TARGET = 0.85
MIN_AREA_PX = 100  # of an object: of smaller ones one pixel of border is worth more than 15 %
MIN_OBJECTS = 8  # from fewer nothing is decided


@dataclass(frozen=True, kw_only=True)
class JudgedObject:
    """An object of a validation picture."""

    picture: LabeledPicture
    found: MaskObject


def trial_of(
    request: TrainClicksRequest,
    model: ClickModel,
    judged: Sequence[JudgedObject],
    device: torch.device,
    stops: Callable[[], None],
) -> ClickTrial:
    """The trial of a new network on these objects. stops: called before every object; what it
    raises ends it."""
    old = serving_engine(request, device)
    if len(judged) < MIN_OBJECTS:
        why = f"{len(judged)} objects of validation images: {MIN_OBJECTS} are needed to compare"
        return ClickTrial(engine=old.name, serves=False, why=why)
    new = model.engine(device)
    courses: tuple[list[ClickCourse], list[ClickCourse]] = ([], [])
    for one in judged:
        stops()
        for course, engine in zip(courses, (old, new), strict=True):
            course.append(clicked_object(engine, one))
    return decided(old.name, new.name, *courses, request.seed)


def serving_engine(request: TrainClicksRequest, device: torch.device) -> ClickEngine:
    """The engine that serves; `prior_walk` where its file cannot be read."""
    if request.serving is not None:
        try:
            return read_click_model(request.serving).engine(device)
        except RunFailed as exc:
            log.warning("compared with prior_walk: %s", exc)
    return PriorWalk()


def judged_objects(
    validation: Sequence[LabeledPicture], request: TrainClicksRequest
) -> list[JudgedObject]:
    """At most `judged_objects` of them, drawn class after class in turn, so that all are there."""
    rng = np.random.default_rng(request.seed)
    by_class: dict[int, list[JudgedObject]] = {}
    for picture in validation:
        for found in objects_of(picture.label, len(request.classes), min_area_px=MIN_AREA_PX):
            one = JudgedObject(picture=picture, found=found)
            by_class.setdefault(found.label, []).append(one)
    queues = [[ones[row] for row in rng.permutation(len(ones))] for ones in by_class.values()]
    chosen: list[JudgedObject] = []
    while any(queues) and len(chosen) < request.judged_objects:
        chosen += [queue.pop() for queue in queues if queue]
    return chosen[: request.judged_objects]


def clicked_object(engine: ClickEngine, one: JudgedObject) -> ClickCourse:
    """Clicks on one object until the target is reached."""
    picture = one.picture
    return clicked(
        engine,
        ClickQuestion(image=picture.image, clicks=(), prior=picture.prior),
        ClickedTruth(inside=one.found.inside(picture.label), valid=picture.valid),
        most=MOST_CLICKS,
        enough=TARGET,
        rule=ClickRule.CENTRE,
        rng=np.random.default_rng(0),  # the rule draws nothing
        clock=time.perf_counter,
    )


def decided(
    old_name: str,
    new_name: str,
    old: Sequence[ClickCourse],
    new: Sequence[ClickCourse],
    seed: int,
) -> ClickTrial:
    """The verdict. Against its own kind the new network serves unless it is worse by more than
    noise; against another engine it has to need fewer clicks on average too."""
    noc = [np.array([_noc(one) for one in ones]) for ones in (old, new)]
    first = [np.array([best_within(one.ious, 1) for one in ones]) for ones in (old, new)]
    clicks = paired_gap(noc[1] - noc[0], seed)
    iou = paired_gap(first[1] - first[0], seed)
    worse = [
        words
        for words, is_worse in (
            (f"it needs {clicks.mean:+.1f} clicks", clicks.low > 0),
            (f"its mask after one click has {iou.mean:+.2f} IoU", iou.high < 0),
            (f"it needs {clicks.mean:+.1f} clicks", old_name != new_name and clicks.mean >= 0),
        )
        if is_worse
    ]
    gained = f"{-clicks.mean:+.1f} clicks saved an object, {iou.mean:+.2f} IoU after one click"
    return ClickTrial(
        engine=old_name,
        serves=not worse,
        why=f"against {old_name}: {worse[0] if worse else gained}",
        new=figures_of(new),
        old=figures_of(old),
        noc85=clicks,
        iou1=iou,
    )


def figures_of(courses: Sequence[ClickCourse]) -> EngineFigures:
    """The figures over these objects, at least one."""
    noc = [_noc(one) for one in courses]
    return EngineFigures(
        objects=len(courses),
        noc85=float(np.mean(noc)),
        never85=sum(max(one.ious) < TARGET for one in courses),
        iou1=float(np.mean([best_within(one.ious, 1) for one in courses])),
        iou3=float(np.mean([best_within(one.ious, 3) for one in courses])),
        ms=1000 * float(np.median([second for one in courses for second in one.seconds])),
    )


def paired_gap(gaps: npt.NDArray[np.floating], seed: int) -> PairedGap:
    """The mean of the differences, with a 95 % bootstrap interval over the objects."""
    mean, low, high = mean_interval(gaps.tolist(), seed)
    return PairedGap(mean=mean, low=low, high=high)


def _noc(one: ClickCourse) -> int:
    return clicks_to(one.ious, TARGET, MOST_CLICKS)

"""Whether a new model serves, that is, scores the pool and draws the masks to correct. Pure.

A new model is **refused** where it is clearly worse on the validation images than one before it:

- the 95 % interval of its difference to the model that serves, on the same images, lies below 0
  (image_bootstrap.py), or so does that to the best model before it, which is wider, since the best
  of many is partly so by chance: a slow decline is seen too;
- or its mIoU is less than `COLLAPSE`, a half, of theirs, over the classes that both measured.

A model of an earlier release kept no figures by image. Then clearly worse means that its own 95 %
interval lies wholly below the other one's, on as many images of the same classes.

A model that is not refused, but whose IoU of a class fell by more than `FALL` beyond noise, **asks
a person**. The loop never stands still for that: the model before goes on serving until somebody
approves the new one, or until the next model has the same fall: twice in a row is no accident of
one training, and that one serves, with a warning.

Instead of a new model the one that served before goes on, or the newest that is not clearly worse
than the best where that is gone. A model that was not measured, or that has other classes, cannot
be compared, and serves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from daemon.domain import CurvePoint, Evaluation
from daemon.domain.models import ClassFall, GateVerdict, Ground
from daemon.rules.image_bootstrap import (
    MIN_UNITS,
    IouDifference,
    class_differences,
    miou_difference,
    paired_images,
)

COLLAPSE = 0.5
FALL = 0.1  # of the IoU of a class
RULE = (
    "a model is refused where its difference to the model that serves, or to the best one, lies "
    "below 0 beyond noise on the same validation images, or where its mIoU is less than half"
)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What the gate found. serving: the cycle whose model serves from now on. against: the cycle
    that the new model was compared with. difference: of the mIoU, with its interval, where there
    is one. falls: classes that fell beyond noise, those of a model that serves included."""

    cycle: int
    serving: int
    verdict: GateVerdict
    ground: Ground | None = None
    against: int | None = None
    difference: IouDifference | None = None
    falls: tuple[ClassFall, ...] = ()


def judge(
    points: Sequence[CurvePoint],
    cycle: int,
    available: Collection[int],
    served: int | None = None,
    *,
    classes: Sequence[str] = (),
    asks: bool = True,
    unanswered: Collection[str] = (),
) -> Judgement:
    """Judge the model of `cycle`, which is trained.

    points: the learning curve; evaluations with `by_image` are compared image by image. available:
    cycles whose checkpoint is still there. served: the cycle whose model served until now; None:
    the newest. classes: names by pixel value, of which some may be newer than the model; without
    them no class is looked at. asks: whether a fall of a class asks a person. unanswered: the
    classes that the model before fell in, where it asked and nobody answered.
    """
    measured = {point.cycle: found for point in points if (found := point.validation)}
    new = measured.get(cycle)
    if new is None or new.miou is None:
        return _serves(cycle)
    earlier = {
        number: found
        for number, found in measured.items()
        if number < cycle and _comparable(found, new)
    }
    rivals = {number: found for number, found in earlier.items() if number in available}
    if not rivals:
        return _serves(cycle)
    incumbent, worse = _against(new, rivals, served, len(earlier))
    if worse is not None:
        return replace(worse, cycle=cycle, serving=incumbent)
    falls = class_falls(rivals[incumbent], new, classes)
    answered = not asks or {fall.name for fall in falls} <= set(unanswered)
    return _of_falls(cycle, incumbent, falls, answered) if falls else _serves(cycle)


def _of_falls(
    cycle: int, incumbent: int, falls: tuple[ClassFall, ...], answered: bool
) -> Judgement:
    """The judgement on a model in which classes fell."""
    return Judgement(
        cycle=cycle,
        serving=cycle if answered else incumbent,
        verdict=GateVerdict.SERVES if answered else GateVerdict.ASKED,
        ground=Ground.CLASS_FALL,
        against=incumbent,
        falls=falls,
    )


def _against(
    new: Evaluation, rivals: Mapping[int, Evaluation], served: int | None, chosen_from: int
) -> tuple[int, Judgement | None]:
    """The cycle whose model would go on, and that the new one is clearly worse than it or than the
    best, if so. chosen_from: how many models the best one was the best of, deleted ones too."""
    best = max(rivals, key=lambda number: (rivals[number].miou or 0.0, number))
    if served is not None and served in rivals:
        incumbent = served
    else:
        incumbent = _newest_good(rivals, best, chosen_from)
    worse = _worse_than(new, rivals, incumbent, 1)
    if worse is None and best != incumbent:
        worse = _worse_than(new, rivals, best, chosen_from)
    return incumbent, worse


def _serves(cycle: int) -> Judgement:
    return Judgement(cycle=cycle, serving=cycle, verdict=GateVerdict.SERVES)


def class_falls(
    before: Evaluation, after: Evaluation, classes: Sequence[str]
) -> tuple[ClassFall, ...]:
    """The classes whose IoU fell by more than FALL, where the interval of that lies below 0.

    classes: names by pixel value: `Evaluation.iou` has no such order.
    """
    pairs = paired_images(before.by_image, after.by_image)
    if pairs.units < MIN_UNITS:
        return ()
    found = zip(classes, class_differences(pairs, _rng()), strict=False)
    return tuple(
        ClassFall(name=name, difference=change.difference, interval=change.interval)
        for name, change in found
        if change is not None and change.difference < -FALL and change.interval[1] < 0
    )


def _worse_than(
    new: Evaluation, rivals: Mapping[int, Evaluation], number: int, chosen_from: int
) -> Judgement | None:
    """That a model is clearly worse than that of cycle `number`, the best of `chosen_from`; else
    None."""
    other = rivals[number]
    refused = Judgement(cycle=0, serving=number, verdict=GateVerdict.REFUSED, against=number)
    mine, theirs = _means(new, other)
    if theirs is not None and mine is not None and mine < COLLAPSE * theirs:
        return replace(refused, ground=Ground.COLLAPSE)
    pairs = paired_images(other.by_image, new.by_image)
    if pairs.units >= MIN_UNITS:
        found = miou_difference(pairs, _rng(), chosen_from)
        below = found.interval[1] < 0
        return replace(refused, ground=Ground.PAIRED, difference=found) if below else None
    return replace(refused, ground=Ground.INTERVALS) if _lies_below(new, other) else None


def _lies_below(new: Evaluation, best: Evaluation) -> bool:
    """Whether the whole interval of a model lies below that of another."""
    if new.by_image and best.by_image:  # too few of the same images: other images prove nothing
        return False
    if new.miou_interval is None or best.miou_interval is None:
        return False
    alike = new.images == best.images and _measured_classes(new) == _measured_classes(best)
    return alike and new.miou_interval[1] < best.miou_interval[0]


def _newest_good(rivals: Mapping[int, Evaluation], best: int, comparisons: int) -> int:
    """The newest earlier model that is not clearly worse than the best."""
    return max(
        number
        for number, found in rivals.items()
        if number == best or _worse_than(found, rivals, best, comparisons) is None
    )


def _rng() -> np.random.Generator:
    """The same models have the same interval, here and on the page."""
    return np.random.default_rng(0)


def _comparable(one: Evaluation, other: Evaluation) -> bool:
    return one.miou is not None and one.iou.keys() == other.iou.keys()


def _measured_classes(found: Evaluation) -> set[str]:
    """The classes that have an IoU, since the truth holds them."""
    return {name for name, value in found.iou.items() if value is not None}


def _means(one: Evaluation, other: Evaluation) -> tuple[float | None, float | None]:
    """mIoU of both over the classes that both measured; None without any."""
    names = sorted(_measured_classes(one) & _measured_classes(other))
    if not names:
        return None, None
    return _mean(one, names), _mean(other, names)


def _mean(found: Evaluation, names: Sequence[str]) -> float:
    return sum(found.iou[name] or 0.0 for name in names) / len(names)

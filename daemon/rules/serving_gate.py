"""Whether a new model serves, that is, scores the pool and draws the masks to correct. Pure.

The rule: a new model is refused where it is clearly worse on validation than the best model before
it. Clearly worse means one of two things:

- its mIoU is less than `COLLAPSE`, a half, of the best one's, over the classes that both measured;
- its 95 % interval lies wholly below that of the best one, on as many images of the same classes.

Instead of a refused model, the newest earlier one serves that is not clearly worse than the best.
A model that was not measured, or that has other classes, cannot be compared, and serves.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from daemon.domain import CurvePoint, Evaluation

COLLAPSE = 0.5
RULE = (
    "a model is refused where its mIoU on validation is less than half of the best one's, or its "
    "95 % interval lies wholly below the best one's"
)


def serving_cycle(points: Sequence[CurvePoint], cycle: int, available: Collection[int]) -> int:
    """The cycle whose model serves once `cycle` is trained.

    points: the learning curve. available: cycles whose checkpoint is still there.
    """
    measured = {point.cycle: found for point in points if (found := point.validation)}
    new = measured.get(cycle)
    if new is None or new.miou is None:
        return cycle
    rivals = {
        number: found
        for number, found in measured.items()
        if number < cycle and number in available and _comparable(found, new)
    }
    if not rivals:
        return cycle
    best = max(rivals.values(), key=lambda found: found.miou or 0.0)
    if not is_clearly_worse(new, best):
        return cycle
    return max(number for number, found in rivals.items() if not is_clearly_worse(found, best))


def is_clearly_worse(new: Evaluation, best: Evaluation) -> bool:
    """Whether the difference is more than noise, by the rule above. Both have an mIoU."""
    mine, theirs = _means(new, best)
    if theirs is not None and mine is not None and mine < COLLAPSE * theirs:
        return True
    if new.miou_interval is None or best.miou_interval is None:
        return False
    alike = new.images == best.images and _measured_classes(new) == _measured_classes(best)
    return alike and new.miou_interval[1] < best.miou_interval[0]


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

"""The clicks that a person would make next, by the truth: RITM's protocol and two less tidy ones.

Sofiiuk, Petrov, Konushin, Reviving iterative training with mask guidance, ICIP 2022, and its code
(isegm/inference/clicker.py): the next click is the pixel farthest from the border of the larger
error, by that distance. Real clicks are less central: RClicks, NeurIPS 2024.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from daemon.clicks.click import Click, FloatMap
from daemon.clicks.click_answer import component_at
from daemon.clicks.click_window import BoolMap

JITTER = 0.2  # of the distance to the border of the error: the deviation of a jittered click
DRAWS = 10  # of a jittered click, before it stays at the centre


class ClickRule(enum.StrEnum):
    """CENTRE: RITM's. RANDOM: any pixel of that error. JITTER: near its centre."""

    CENTRE = "centre"
    RANDOM = "random"
    JITTER = "jitter"


def next_click(
    inside: BoolMap,
    truth: BoolMap,
    clicks: Sequence[Click],
    *,
    valid: BoolMap | None = None,
    rule: ClickRule = ClickRule.CENTRE,
    rng: np.random.Generator | None = None,
) -> Click | None:
    """The click on the largest error of a mask; None for a mask without one.

    inside, truth: (H, W), the mask so far and the object. clicks: made before; none repeats the
    place of one. valid: (H, W), False for pixels without a label, which are never clicked; None:
    all have one. rng: for the rules that draw. Of two errors of one depth it is the false object,
    of two places the first by rows.
    """
    known = np.ones(truth.shape, np.bool_) if valid is None else valid
    wrong = (truth != inside) & known
    if not wrong.any():
        return None
    top, bottom = _ends(wrong.any(axis=1))
    left, right = _ends(wrong.any(axis=0))
    view = (slice(top, bottom), slice(left, right))  # outside of it nothing is wrong
    missed, extra = wrong[view] & truth[view], wrong[view] & ~truth[view]
    made = [(click.y - top, click.x - left) for click in clicks]
    deep_missed, deep_extra = _depth(missed, made), _depth(extra, made)
    positive = bool(deep_missed.max(initial=0) > deep_extra.max(initial=0))
    depth, error = (deep_missed, missed) if positive else (deep_extra, extra)
    deepest = float(depth.max(initial=0))
    if deepest <= 0:
        return None
    row, column = divmod(int(np.argmax(depth)), depth.shape[1])
    if rule is not ClickRule.CENTRE:
        if rng is None:
            raise ValueError(f"rule {rule.value}: got no random generator; expected one: it draws")
        free = component_at(error, row, column) & (depth > 0)
        row, column = _moved(row, column, deepest, free, rule, rng)
    return Click(x=column + left, y=row + top, positive=positive)


def _ends(wrong: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """The first place that is wrong, and the one behind the last."""
    places = np.flatnonzero(wrong)
    return int(places[0]), int(places[-1]) + 1


def _depth(error: BoolMap, clicked: Sequence[tuple[int, int]]) -> FloatMap:
    """(H, W): distance of each pixel of the error to its border, 0 where there was a click."""
    padded = np.pad(error.astype(np.uint8), 1)
    found = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1].copy()
    for row, column in clicked:
        if 0 <= row < found.shape[0] and 0 <= column < found.shape[1]:
            found[row, column] = 0
    return np.asarray(found, np.float32)


def _moved(
    row: int,
    column: int,
    deepest: float,
    free: BoolMap,
    rule: ClickRule,
    rng: np.random.Generator,
) -> tuple[int, int]:
    if rule is ClickRule.RANDOM:
        rows, columns = np.nonzero(free)
        at = int(rng.integers(len(rows)))
        return int(rows[at]), int(columns[at])
    for _ in range(DRAWS):
        y, x = np.rint(rng.normal((row, column), JITTER * deepest)).astype(int).tolist()
        if 0 <= y < free.shape[0] and 0 <= x < free.shape[1] and free[y, x]:
            return y, x
    return row, column

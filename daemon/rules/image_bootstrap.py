"""Two models on the same images: intervals of the differences of their IoU, by a paired bootstrap.

The same images are drawn again and again with replacement, and both models are measured on each
draw, so that what makes an image hard for both cancels out. Images of a group are alike and are
drawn together. Few images make the percentiles too narrow; they are widened about the difference by
sqrt(n / (n - 1)) and by Student's t over the normal: T. Hesterberg, What Teachers Should Know About
the Bootstrap, The American Statistician 2015. The noise of training again is not in it.
tests/benchmarks/model_difference_coverage.py counts how often the interval holds the truth. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.domain.evaluations import MeasuredImage

MIN_UNITS = 8  # images, or groups of them: with fewer no interval
MIN_HOLDING = 5  # of them that hold a class: with fewer no interval of its IoU
DRAWS = 2000
LEVEL = 0.95  # of an interval
TAIL = (1 + LEVEL) / 2

Floats = npt.NDArray[np.float64]
Ends = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class PairedImages:
    """The images that two models were measured on, with the same mask.

    before, after: (U, C, 3) pixels in common, of the truth, predicted; summed over a group, where
    images were drawn in groups. images: how many. grouped: whether U counts groups.
    """

    before: Floats
    after: Floats
    images: int
    grouped: bool

    @property
    def units(self) -> int:
        """How many images, or groups of them, are drawn."""
        return len(self.before)


@dataclass(frozen=True, kw_only=True)
class IouDifference:
    """IoU of the newer model minus that of the older one, in [-1, 1], with its interval."""

    difference: float
    interval: Ends


def paired_images(before: Sequence[MeasuredImage], after: Sequence[MeasuredImage]) -> PairedImages:
    """What both models were measured on, by image id. Images whose mask differs are left out."""
    pairs = _pairs(before, after)
    units = _units(pairs)
    sides = [np.stack([unit[side] for unit in units]) if units else _NONE for side in (0, 1)]
    return PairedImages(
        before=sides[0],
        after=sides[1],
        images=len(pairs),
        grouped=any(new.group for _, new in pairs),
    )


_NONE: Floats = np.empty((0, 0, 3))


def miou_difference(
    pairs: PairedImages, rng: np.random.Generator, comparisons: int = 1
) -> IouDifference:
    """The difference of the mIoU. Raises ValueError for fewer than MIN_UNITS units.

    comparisons: how many models the older one was chosen from, as the best; then all of their
    intervals together hold the truth in 95 % of cases (Bonferroni).
    """
    drawn = [_mean(iou) for iou in _drawn_iou(pairs, rng)]
    whole = [_mean(iou) for iou in _whole_iou(pairs)]
    centre = float(whole[1] - whole[0])
    ends = _widened(drawn[1] - drawn[0], centre, pairs.units, comparisons)
    return IouDifference(difference=centre, interval=ends)


def class_differences(
    pairs: PairedImages, rng: np.random.Generator
) -> tuple[IouDifference | None, ...]:
    """The difference of each class; None for one that fewer than MIN_HOLDING units hold.

    All intervals together hold the truth in 95 % of cases (Bonferroni). Only units that hold a
    class say something of it: their number widens its interval. Raises ValueError for fewer than
    MIN_UNITS units.
    """
    before, after = _drawn_iou(pairs, rng)  # (D, C)
    old, new = _whole_iou(pairs)  # (C,)
    holding = (pairs.after[..., 1] > 0).sum(axis=0)  # (C,)
    enough = int((holding >= MIN_HOLDING).sum())
    found: list[IouDifference | None] = []
    for row, units in enumerate(holding):
        if units < MIN_HOLDING:
            found.append(None)
            continue
        centre = float(new[row] - old[row])
        low, high = _widened(after[:, row] - before[:, row], centre, int(units), enough)
        found.append(IouDifference(difference=centre, interval=(low, high)))
    return tuple(found)


def miou_interval(pixels: Floats, rng: np.random.Generator) -> Ends:
    """The interval of one mIoU, of (U, C, 3) pixels as in `PairedImages`, in [0, 1]. Raises
    ValueError for fewer than MIN_UNITS units."""
    units = _require_units(len(pixels))
    drawn = _mean(_iou(np.einsum("du,ucp->dcp", _draws(units, rng), pixels)))
    low, high = _widened(drawn, float(_mean(class_iou(pixels))), units, 1)
    return max(low, 0.0), min(high, 1.0)


def class_iou(pixels: Floats) -> Floats:
    """(C,) IoU over all units, of (U, C, 3) pixels; NaN for a class that no truth holds."""
    return _iou(pixels.sum(axis=0))


def _pairs(
    before: Sequence[MeasuredImage], after: Sequence[MeasuredImage]
) -> list[tuple[MeasuredImage, MeasuredImage]]:
    """Both figures of each image that both have, with the same mask, by image id."""
    older = {image.image: image for image in before}
    newer = sorted(after, key=lambda image: image.image)
    both = [(older[new.image], new) for new in newer if new.image in older]
    return [(old, new) for old, new in both if _truth(old) == _truth(new)]


def _truth(image: MeasuredImage) -> tuple[int, ...]:
    return tuple(truth for _, truth, _ in image.pixels)


def _units(
    pairs: Sequence[tuple[MeasuredImage, MeasuredImage]],
) -> list[tuple[Floats, Floats]]:
    """What is drawn: (C, 3) pixels of the older and the newer model, summed over a group."""
    groups: dict[str, tuple[Floats, Floats]] = {}
    for old, new in pairs:
        key = f"group {new.group}" if new.group else f"image {new.image}"
        pixels = np.array(old.pixels, np.float64), np.array(new.pixels, np.float64)
        known = groups.get(key)
        groups[key] = pixels if known is None else (known[0] + pixels[0], known[1] + pixels[1])
    return list(groups.values())


def _drawn_iou(pairs: PairedImages, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(DRAWS, C) IoU of both models on the same draws."""
    draws = _draws(_require_units(pairs.units), rng)
    before, after = (
        _iou(np.einsum("du,ucp->dcp", draws, pixels)) for pixels in (pairs.before, pairs.after)
    )
    return before, after


def _require_units(units: int) -> int:
    if units < MIN_UNITS:
        raise ValueError(f"an interval needs {MIN_UNITS} images or groups, got {units}")
    return units


def _draws(units: int, rng: np.random.Generator) -> Floats:
    """(DRAWS, U): how often each unit is drawn."""
    return rng.multinomial(units, np.full(units, 1 / units), size=DRAWS).astype(np.float64)


def _whole_iou(pairs: PairedImages) -> tuple[Floats, Floats]:
    """(C,) IoU of both models on all images."""
    return class_iou(pairs.before), class_iou(pairs.after)


def _iou(pixels: Floats) -> Floats:
    """(..., C) from (..., C, 3); NaN for a class that the truth does not hold."""
    common, truth, predicted = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    held = truth > 0
    found = common / np.where(held, truth + predicted - common, 1.0)
    return np.asarray(np.where(held, found, np.nan))


def _mean(iou: Floats) -> Floats:
    """(...) from (..., C): over the classes that the truth holds; NaN without any."""
    held = np.isfinite(iou)
    mean = np.where(held, iou, 0.0).sum(axis=-1) / np.maximum(held.sum(axis=-1), 1)
    return np.asarray(np.where(held.any(axis=-1), mean, np.nan))


def _widened(drawn: Floats, centre: float, units: int, comparisons: int) -> Ends:
    """The percentiles of the draws, (DRAWS,), some of them NaN, widened about the centre."""
    from scipy import special  # here, since few programs need it

    tail = 1 - (1 - TAIL) / comparisons
    wider = special.stdtrit(units - 1, tail) / special.ndtri(TAIL) * (units / (units - 1)) ** 0.5
    low, high = np.nanquantile(drawn, [1 - TAIL, TAIL])
    return centre + float(wider * (low - centre)), centre + float(wider * (high - centre))

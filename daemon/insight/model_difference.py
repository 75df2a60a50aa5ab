"""Two models measured on the same images: the interval of the difference of their mIoU. Pure.

The same images are drawn again and again with replacement (bootstrap), and both models are
measured on each draw, so that what makes an image hard for both cancels out. Images of a group are
alike and are drawn together. Few images make the percentiles too narrow; they are widened about the
difference by sqrt(n / (n - 1)) and by Student's t over the normal: T. Hesterberg, What Teachers
Should Know About the Bootstrap, The American Statistician 2015. The noise of training again is not
in it. tests/benchmarks/model_difference_coverage.py counts how often the interval holds the truth.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from daemon.domain.evaluations import MeasuredImage
from daemon.domain.formatting import count, signed
from daemon.insight.view_model import Count, ViewModel

MIN_UNITS = 8  # images, or groups of them: with fewer no interval
DRAWS = 2000
LEVEL = 0.95

Floats = npt.NDArray[np.float64]


class ModelVerdict(enum.StrEnum):
    """What the interval of the difference says."""

    BETTER = "better"  # it lies above 0
    WORSE = "worse"  # it lies below 0
    UNCLEAR = "unclear"  # it holds 0
    NOT_STORED = "not_stored"  # of one model no image is known by itself
    FEW_IMAGES = "few_images"  # fewer than MIN_UNITS that both were measured on


class ModelDifference(ViewModel):
    """The difference of two models on the images that both were measured on."""

    verdict: ModelVerdict
    """What it says, for programs."""
    words: str
    """The same as a sentence without its full stop."""
    difference: float | None
    """mIoU of the newer minus that of the older on these images; null where it is unknown."""
    interval: tuple[float, float] | None
    """95 % interval of `difference`; null where there is none."""
    images: Count
    """Images that both were measured on, with the same mask."""


def model_difference(
    before: Sequence[MeasuredImage], after: Sequence[MeasuredImage], rng: np.random.Generator
) -> ModelDifference:
    """Compare two models. Images whose mask differs between the two are left out."""
    if not before or not after:
        words = "not comparable yet: a model of an earlier release keeps no figures by image"
        return _without_interval(ModelVerdict.NOT_STORED, words, 0)
    pairs = _pairs(before, after)
    units = _units(pairs)
    if len(units) < MIN_UNITS:
        noun = "group" if any(new.group for _, new in pairs) else "image"
        words = f"too few to compare: {count(len(units), noun)} that both models were measured on"
        return _without_interval(ModelVerdict.FEW_IMAGES, f"{words}, of {MIN_UNITS}", len(pairs))
    old, new = (np.stack([unit[side] for unit in units]) for side in (0, 1))  # (U, C, 3)
    ends = _interval(old, new, rng)
    gain = float(_miou(new.sum(axis=0)) - _miou(old.sum(axis=0)))
    verdict = (
        ModelVerdict.BETTER
        if ends[0] > 0
        else ModelVerdict.WORSE
        if ends[1] < 0
        else ModelVerdict.UNCLEAR
    )
    return ModelDifference(
        verdict=verdict,
        words=_words(verdict, ends, len(pairs)),
        difference=gain,
        interval=ends,
        images=len(pairs),
    )


def _without_interval(verdict: ModelVerdict, words: str, images: int) -> ModelDifference:
    return ModelDifference(
        verdict=verdict, words=words, difference=None, interval=None, images=images
    )


_SAYS: Mapping[ModelVerdict, str] = {
    ModelVerdict.BETTER: "clearly better",
    ModelVerdict.WORSE: "clearly worse",
    ModelVerdict.UNCLEAR: "not clear yet which is better",
}


def _words(verdict: ModelVerdict, ends: tuple[float, float], images: int) -> str:
    same = f"on the same {count(images, 'image')}"
    if ends == (0.0, 0.0):
        return f"no difference {same}"
    return f"{_SAYS[verdict]} (95 %: {signed(ends[0])} to {signed(ends[1])}, {same})"


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


def _interval(old: Floats, new: Floats, rng: np.random.Generator) -> tuple[float, float]:
    """The widened percentiles. old, new: (U, C, 3)."""
    from scipy import special  # here, since only this page needs it

    units = len(old)
    draws = rng.multinomial(units, np.full(units, 1 / units), size=DRAWS).astype(np.float64)
    drawn = [_miou(np.einsum("du,ucp->dcp", draws, pixels)) for pixels in (old, new)]
    found = drawn[1] - drawn[0]
    centre = float(_miou(new.sum(axis=0)) - _miou(old.sum(axis=0)))
    tail = (1 + LEVEL) / 2
    wider = special.stdtrit(units - 1, tail) / special.ndtri(tail) * (units / (units - 1)) ** 0.5
    low, high = np.nanquantile(found, [1 - tail, tail])
    return centre + float(wider * (low - centre)), centre + float(wider * (high - centre))


def _miou(pixels: Floats) -> Floats:
    """(...) from (..., C, 3), the mean over the classes that the truth holds; NaN without any."""
    common, truth, predicted = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    held = truth > 0
    iou = np.where(held, common / np.where(held, truth + predicted - common, 1.0), 0.0)
    classes = held.sum(axis=-1)
    mean = iou.sum(axis=-1) / np.maximum(classes, 1)
    return np.asarray(np.where(classes > 0, mean, np.nan))

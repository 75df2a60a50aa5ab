"""Two models measured on the same images, in words: what the interval of the difference says. Pure.

The interval is that of daemon/rules/image_bootstrap.py, by which a new model is also refused.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import numpy as np

from daemon.domain.evaluations import MeasuredImage
from daemon.domain.formatting import count, signed
from daemon.insight.view_model import Count, ViewModel
from daemon.rules.image_bootstrap import MIN_UNITS, miou_difference, paired_images


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
    pairs = paired_images(before, after)
    if pairs.units < MIN_UNITS:
        noun = "group" if pairs.grouped else "image"
        words = f"too few to compare: {count(pairs.units, noun)} that both models were measured on"
        return _without_interval(ModelVerdict.FEW_IMAGES, f"{words}, of {MIN_UNITS}", pairs.images)
    found = miou_difference(pairs, rng)
    low, high = found.interval
    verdict = (
        ModelVerdict.BETTER if low > 0 else ModelVerdict.WORSE if high < 0 else ModelVerdict.UNCLEAR
    )
    return ModelDifference(
        verdict=verdict,
        words=_words(verdict, found.interval, pairs.images),
        difference=found.difference,
        interval=found.interval,
        images=pairs.images,
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

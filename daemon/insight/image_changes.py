"""Two models image by image, and the images behind a mistake. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daemon.domain.evaluations import MeasuredImage
from daemon.domain.formatting import ABSENT, signed
from daemon.insight.view_model import Count, Share, ViewModel
from daemon.rules.image_bootstrap import (
    MIN_HOLDING,
    MIN_UNITS,
    class_differences,
    class_iou,
    paired_images,
)


class ClassChange(ViewModel):
    """A class under two models, on the images that both were measured on."""

    name: str
    """The class."""
    before: Share | None
    """IoU of the older model; null where no mask holds the class."""
    after: Share | None
    """IoU of the newer model."""
    difference: float | None
    """Newer minus older."""
    interval: tuple[float, float] | None
    """Its interval; those of all classes together hold the truth in 95 % of cases. Null where too
    few images hold the class."""
    words: str
    """What it says."""


class ImageChange(ViewModel):
    """An image under two models."""

    image: Count
    """Its number."""
    before: Share
    """Share of the pixels that the older model has right."""
    after: Share
    """Share of the pixels that the newer model has right."""


class MistakenImage(ViewModel):
    """An image with pixels of one class that a model took for another."""

    image: Count
    """Its number."""
    pixels: Count
    """How many."""
    share: Share
    """Of the pixels of the image that have this true class."""


def class_changes(
    names: Sequence[str], before: Sequence[MeasuredImage], after: Sequence[MeasuredImage]
) -> tuple[ClassChange, ...]:
    """Every class under two models, by the order of the names; () where they share no image."""
    pairs = paired_images(before, after)
    if not pairs.units:
        return ()
    old, new = class_iou(pairs.before), class_iou(pairs.after)
    enough = pairs.units >= MIN_UNITS
    found = class_differences(pairs, np.random.default_rng(0)) if enough else [None] * len(names)
    return tuple(
        ClassChange(
            name=name,
            before=_known(old[row]),
            after=_known(new[row]),
            difference=_known(new[row] - old[row]),
            interval=change.interval if change else None,
            words=_words(change.interval if change else None),
        )
        for row, (name, change) in enumerate(zip(names, found, strict=False))
    )


def image_changes(
    before: Sequence[MeasuredImage], after: Sequence[MeasuredImage]
) -> tuple[ImageChange, ...]:
    """The images that both were measured on, the largest loss first, the largest gain last."""
    older = {image.image: image for image in before}
    found = [
        ImageChange(image=new.image, before=_right(older[new.image]), after=_right(new))
        for new in after
        if new.image in older
    ]
    return tuple(sorted(found, key=lambda one: (one.after - one.before, one.image)))


def mistaken_images(
    images: Sequence[MeasuredImage], truth: int, predicted: int
) -> tuple[MistakenImage, ...]:
    """The images with pixels of class `truth` that were predicted as `predicted`, most first."""
    found = [
        MistakenImage(
            image=image.image, pixels=pixels, share=pixels / max(1, image.pixels[truth][1])
        )
        for image in images
        for true, got, pixels in image.mistakes
        if (true, got) == (truth, predicted)
    ]
    return tuple(sorted(found, key=lambda one: (-one.pixels, one.image)))


def _right(image: MeasuredImage) -> float:
    labeled = sum(truth for _, truth, _ in image.pixels)
    return sum(common for common, _, _ in image.pixels) / max(1, labeled)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _words(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return f"{ABSENT} (fewer than {MIN_HOLDING} images hold it, or {MIN_UNITS} in all)"
    low, high = interval
    clear = "better" if low > 0 else "worse" if high < 0 else "not clear"
    return f"{clear} ({signed(low)} to {signed(high)})"

"""The pictures of the report: image, truth, and for each arm its mask and where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from daemon.domain import Mask
from daemon.domain.errors import MaskRefused
from daemon.experiment.recipes.experiment_plan import ExperimentPlan
from daemon.experiment.recipes.experiment_records import Found, ShownImage
from daemon.experiment.recipes.shown_images import (
    Colours,
    difference_colours,
    key_of,
    mask_colours,
)
from daemon.experiment.report_pages.pictures import small_jpeg, small_png
from daemon.pixels.masks import read_mask

SIDE_PX = 300


@dataclass(frozen=True, kw_only=True)
class Picture:
    """words: below it. kind: "jpeg" or "png". content: base64; "" where it cannot be shown."""

    words: str
    kind: str
    content: str


@dataclass(frozen=True, kw_only=True)
class PictureRow:
    """A test image with its pictures, and those of each arm: (mask, differences). without_masks:
    arms that have not predicted it yet."""

    shown: ShownImage
    image: Picture
    truth: Picture
    arms: tuple[tuple[Picture, Picture], ...]
    without_masks: tuple[str, ...] = ()


def picture_rows(plan: ExperimentPlan, found: Found) -> Iterator[PictureRow]:
    """A row for each image that is shown."""
    key = key_of(found.shown)
    figures = {
        arm: next((r for r in found.runs if (r.arm, r.seed) == (arm, seeds[0])), None)
        for arm in plan.recipe.arms
        if (seeds := plan.recipe.seeds_of(arm))
    }
    for one in found.shown:
        truth = _mask(plan, one.image)
        rows, waiting = [], []
        for arm, run in figures.items():
            file = plan.folder.pictures(arm, key).mask(plan.folders.numbers[one.image])
            predicted = _read(file) if file.exists() else None
            if run is None or predicted is None:
                waiting.append(arm)
                continue
            miou = run.image_miou.get(one.image)
            words = f"{arm}: mIoU {miou:.3f}" if miou is not None else arm
            fits = truth is not None and truth.shape == predicted.shape
            wrong = difference_colours(truth, predicted) if truth is not None and fits else None
            rows.append((_picture(words, predicted), _png("differences", wrong)))
        yield PictureRow(
            shown=one,
            image=Picture(
                words="image",
                kind="jpeg",
                content=small_jpeg(plan.folders.images[one.image], SIDE_PX),
            ),
            truth=_picture("truth", truth),
            arms=tuple(rows),
            without_masks=tuple(waiting),
        )


def _picture(words: str, mask: Mask | None) -> Picture:
    return _png(words, None if mask is None else mask_colours(mask))


def _png(words: str, colours: Colours | None) -> Picture:
    content = "" if colours is None else small_png(colours, SIDE_PX)
    return Picture(words=words, kind="png", content=content)


def _mask(plan: ExperimentPlan, name: str) -> Mask | None:
    return _read(plan.folders.mask(name))


def _read(path: Path) -> Mask | None:
    """None for a mask that has become unreadable."""
    try:
        return read_mask(path)
    except (MaskRefused, OSError):
        return None

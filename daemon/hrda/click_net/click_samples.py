"""What one minibatch of the click network is made of: crops around objects, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.clicks.click import Click, FloatMap, Picture
from daemon.hrda.click_net.click_crops import (
    Box,
    Crop,
    part_in,
    picture_in,
    prior_in,
    resized,
)
from daemon.hrda.click_net.labeled_objects import LabeledObject, LabeledPicture
from daemon.hrda.click_net.simulated_clicks import Inside, first_clicks

AS_FIRST = 0.35  # probability of a crop around a place of the object, as at a first click
SIZES = (1.15, 2.6)  # else: of how many sizes of the object the side of the crop is
SHIFT = 0.15  # by which share of its side such a crop may be off the centre
NO_OBJECT = 0.05  # probability of a click where nothing is
SOIL_DISC_PX = 5.0  # what such a click means: a disc of this radius in the crop
GAIN = (0.75, 1.25)
PRIOR_DROPOUT = 0.5
LEAST_PX = 48  # side of a crop


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A crop: (px, px, 3) picture, (px, px) maps. clicks: in pixels of the crop."""

    picture: Picture
    target: Inside
    valid: Inside
    prior: FloatMap
    clicks: tuple[Click, ...]


class ClickSamples:
    """Draws samples. first_px: side of the crop at a first click. px: of what the network sees."""

    def __init__(
        self,
        pictures: Sequence[LabeledPicture],
        objects: Sequence[LabeledObject],
        *,
        first_px: int,
        px: int,
        rng: np.random.Generator,
    ) -> None:
        self._pictures, self._objects = pictures, objects
        self._first_px, self._px, self._rng = first_px, px, rng
        self._chances = chances_of([one.class_index for one in objects])

    def draw(self) -> Sample:
        """The next sample."""
        rng = self._rng
        one = self._objects[int(rng.choice(len(self._objects), p=self._chances))]
        if rng.random() < NO_OBJECT:
            found = self._of_soil(one.picture)
            if found is not None:
                return found
        picture = self._pictures[one.picture]
        crop = self._crop(one)
        moved = Crop(left=crop.left - one.box.left, top=crop.top - one.box.top, side=crop.side)
        target = _mask_in(moved, one.inside, self._px)
        valid = _mask_in(crop, picture.valid, self._px)
        target &= valid
        if not target.any():  # the object is thinner than a pixel of the crop
            return self.draw()
        return self._turned(self._sample(picture, crop, target, valid))

    def _crop(self, one: LabeledObject) -> Crop:
        rng = self._rng
        if rng.random() < AS_FIRST:
            rows, columns = np.nonzero(one.inside)
            place = int(rng.integers(len(rows)))
            side = self._first_px * rng.uniform(0.8, 1.25)
            return _at(int(columns[place]) + one.box.left, int(rows[place]) + one.box.top, side)
        side = max(LEAST_PX, one.box.size * rng.uniform(*SIZES))
        moved = rng.uniform(-SHIFT, SHIFT, 2) * side
        crop = one.box.crop(side)
        return Crop(left=crop.left + int(moved[0]), top=crop.top + int(moved[1]), side=crop.side)

    def _sample(self, picture: LabeledPicture, crop: Crop, target: Inside, valid: Inside) -> Sample:
        rng = self._rng
        prior = None if rng.random() < PRIOR_DROPOUT else picture.prior
        shown = picture_in(crop, picture.image, self._px) * rng.uniform(*GAIN)
        return Sample(
            picture=shown.clip(0, 255).astype(np.uint8),
            target=target,
            valid=valid,
            prior=prior_in(crop, prior, self._px),
            clicks=tuple(first_clicks(target, valid, rng)),
        )

    def _of_soil(self, row: int) -> Sample | None:
        """A click on background; None where there is none."""
        rng, picture = self._rng, self._pictures[row]
        rows, columns = np.nonzero(picture.label == 0)
        if not rows.size:
            return None
        place = int(rng.integers(len(rows)))
        crop = _at(int(columns[place]), int(rows[place]), self._first_px)
        y, x = np.ogrid[: self._px, : self._px]
        middle = self._px // 2
        disc = (x - middle) ** 2 + (y - middle) ** 2 <= SOIL_DISC_PX**2
        valid = _mask_in(crop, picture.valid, self._px)
        found = self._sample(picture, crop, np.asarray(disc), valid)
        return Sample(**{**vars(found), "clicks": (Click(x=middle, y=middle),)})

    def _turned(self, one: Sample) -> Sample:
        """The sample turned by a multiple of 90 degrees, and perhaps mirrored."""
        turns, mirrored = int(self._rng.integers(4)), bool(self._rng.integers(2))
        maps = {
            name: _turned_map(getattr(one, name), turns, mirrored)
            for name in ("picture", "target", "valid", "prior")
        }
        clicks = tuple(_turned_click(click, turns, mirrored, self._px) for click in one.clicks)
        return Sample(**maps, clicks=clicks)


def chances_of(classes: Sequence[int]) -> npt.NDArray[np.float64]:
    """The probability of each object: classes by the square root of their numbers of objects, so
    that a rare class is drawn more often than its share."""
    _, row, counts = np.unique(np.asarray(classes), return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(counts)[row]
    return np.asarray(weights / weights.sum())


def first_crop_px(objects: Sequence[LabeledObject], least: int) -> int:
    """The side of the crop at a first click: it holds three of four objects with their surround."""
    sizes = [one.box.size for one in objects]
    return max(least, round(1.5 * float(np.percentile(sizes, 75))))


def _at(x: int, y: int, side: float) -> Crop:
    return Box(left=x, top=y, right=x + 1, bottom=y + 1).crop(side)


def _mask_in(crop: Crop, inside: Inside, px: int) -> Inside:
    part = part_in(crop, inside.astype(np.float32), 0.0)
    return np.asarray(resized(part, px) >= 0.5)


def _turned_map(values: npt.NDArray[np.generic], turns: int, mirrored: bool) -> object:
    turned = np.rot90(values, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)


def _turned_click(click: Click, turns: int, mirrored: bool, px: int) -> Click:
    x, y = click.x, click.y
    for _ in range(turns):
        x, y = y, px - 1 - x
    return Click(x=px - 1 - x if mirrored else x, y=y, positive=click.positive)

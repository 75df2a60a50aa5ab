"""The clicks of training: where a person might click, drawn at random. RITM, section 3.

Maps are (H, W) bool. Nobody clicks the centre only, so places are drawn from an inner part.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from daemon.clicks.click import Click

Inside = npt.NDArray[np.bool_]

INNER = 0.5  # share of the largest distance from the border: how deep "inside" is
CENTRAL = 0.6  # probability of a first click in the inner part, else anywhere in the object
FURTHER = 0.3  # probability that some clicks were made before the network is asked first
MOST_NEGATIVE = 3
RING_PX = 4  # width of the border around the object, where half of the negative clicks are


def first_clicks(target: Inside, valid: Inside, rng: np.random.Generator) -> list[Click]:
    """The clicks before the network is asked: one within the target, sometimes more."""
    where = inner_part(target) if rng.random() < CENTRAL else target
    clicks = [_click(where, rng, positive=True)]
    if rng.random() >= FURTHER:
        return clicks
    if rng.random() < 0.5:
        clicks.append(_click(target, rng, positive=True))
    for _ in range(rng.integers(0, MOST_NEGATIVE + 1)):
        place = _negative_places(target, valid, rng)
        if place.any():
            clicks.append(_click(place, rng, positive=False))
    return clicks


def next_click(
    found: Inside, target: Inside, valid: Inside, rng: np.random.Generator
) -> Click | None:
    """A click on the larger error, by the depth of its deepest place; None without an error."""
    missed, wrong = target & ~found & valid, found & ~target & valid
    depths = [_depth(missed), _depth(wrong)]
    positive = depths[0].max() > depths[1].max()
    depth = depths[0 if positive else 1]
    if depth.max() <= 0:
        return None
    return _click(depth > INNER * depth.max(), rng, positive=bool(positive))


def inner_part(inside: Inside) -> Inside:
    """Where the distance from the border exceeds half of its largest."""
    depth = _depth(inside)
    return np.asarray(depth > INNER * depth.max())


def _depth(inside: Inside) -> npt.NDArray[np.float32]:
    """The distance to the nearest pixel outside; the outside begins at the border of the map."""
    padded = cv2.copyMakeBorder(inside.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    found = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found[1:-1, 1:-1], np.float32)


def _negative_places(target: Inside, valid: Inside, rng: np.random.Generator) -> Inside:
    outside = ~target & valid
    if rng.random() < 0.5:
        return np.asarray(outside)
    size = 2 * RING_PX + 1
    grown = cv2.dilate(target.astype(np.uint8), np.ones((size, size), np.uint8)) > 0
    return np.asarray(outside & grown)


def _click(where: Inside, rng: np.random.Generator, *, positive: bool) -> Click:
    rows, columns = np.nonzero(where)
    one = int(rng.integers(len(rows)))
    return Click(x=int(columns[one]), y=int(rows[one]), positive=positive)

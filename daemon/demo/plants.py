"""Plants from above: a crop and two weeds that differ in shape and habit, not in colour.

A leaf is a region around a bent midrib: a pixel belongs to it if its distance from the midrib is
below the half width at its position along it. So masks are exact by construction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from daemon.demo.soil import Floats, Weather, leaf_colour, local_axes

SOIL, CROP, BROADLEAF, GRASS = range(4)


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """A strip of field that is painted on. colours: (H, W, 3) in [0, 1]; labels: (H, W) classes."""

    colours: Floats
    labels: npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One leaf. profile: position along it in [0, 1] -> half width, as a share of `half_width_px`.

    y, x: its base, px. angle: radians. bend: distance of the tip from the straight line,
    as a share of the length. lift_px: distance to its shadow. veins: contrast of the side veins.
    """

    y: float
    x: float
    angle: float
    length_px: float
    half_width_px: float
    bend: float
    lift_px: float
    colour: Floats
    label: int
    veins: float
    profile: Callable[[Floats], Floats]


def plant_crop(
    rng: np.random.Generator, canvas: Canvas, weather: Weather, y: float, x: float
) -> None:
    """Long leaves with a stalk, a strong midrib and side veins, in opposite pairs."""
    size = (0.5 + 0.6 * weather.growth) * rng.uniform(0.85, 1.15)
    pairs = 2 + round(2 * weather.growth)
    colour, turn = leaf_colour(rng, weather), rng.uniform(0, np.pi)
    for pair in range(pairs):
        shrink = 1 - 0.45 * pair / pairs
        for side in (0, 1):
            _paint(
                rng,
                canvas,
                weather,
                Leaf(
                    y=y,
                    x=x,
                    angle=turn + np.pi * side + pair * np.pi / pairs + rng.normal(0, 0.15),
                    length_px=46 * size * shrink * rng.uniform(0.85, 1.1),
                    half_width_px=11 * size * shrink,
                    bend=float(rng.normal(0, 0.1)),
                    lift_px=3 + 5 * size,
                    colour=colour * rng.uniform(0.9, 1.1),
                    label=CROP,
                    veins=1.0,
                    profile=_stalked,
                ),
            )


def plant_broadleaf(
    rng: np.random.Generator, canvas: Canvas, weather: Weather, y: float, x: float
) -> None:
    """A rosette of small, round, lobed leaves, close to the ground."""
    size = rng.uniform(0.75, 1.35)
    colour, turn = leaf_colour(rng, weather), rng.uniform(0, 2 * np.pi)
    leaves = int(rng.integers(8, 14))
    for leaf in range(leaves):
        outwards = 1 - 0.6 * leaf / leaves
        angle = turn + leaf * 2.4 + rng.normal(0, 0.2)  # 2.4 rad: the golden angle
        start = 7 * size * outwards
        _paint(
            rng,
            canvas,
            weather,
            Leaf(
                y=y + start * np.sin(angle),
                x=x + start * np.cos(angle),
                angle=angle,
                length_px=14 * size * rng.uniform(0.85, 1.15) * (0.7 + 0.3 * outwards),
                half_width_px=6.5 * size * (0.7 + 0.3 * outwards),
                bend=0.0,
                lift_px=2.0,
                colour=colour * rng.uniform(0.85, 1.15),
                label=BROADLEAF,
                veins=0.15,
                profile=_lobed,
            ),
        )


def plant_grass(
    rng: np.random.Generator, canvas: Canvas, weather: Weather, y: float, x: float
) -> None:
    """A tuft of narrow, bent blades without side veins."""
    size = rng.uniform(0.75, 1.3)
    colour = leaf_colour(rng, weather)
    for _ in range(int(rng.integers(7, 13))):
        _paint(
            rng,
            canvas,
            weather,
            Leaf(
                y=y + rng.normal(0, 2),
                x=x + rng.normal(0, 2),
                angle=float(rng.uniform(0, 2 * np.pi)),
                length_px=36 * size * rng.uniform(0.6, 1.1),
                half_width_px=2.7 * size,
                bend=float(rng.normal(0, 0.25)),
                lift_px=4.0,
                colour=colour * rng.uniform(0.85, 1.15),
                label=GRASS,
                veins=0.0,
                profile=_blade,
            ),
        )


def _stalked(t: Floats) -> Floats:
    blade = np.clip((t - 0.22) / 0.78, 0, 1)
    outline = np.clip(np.sin(np.pi * blade**0.85), 0, 1) ** 0.8
    return np.asarray(np.where(t < 0.24, 0.16, np.maximum(outline, 0.02)), dtype=np.float32)


def _lobed(t: Floats) -> Floats:
    rounded = np.sqrt(np.clip(1 - (2 * t - 1) ** 2, 0, 1))
    return np.asarray(rounded * (0.82 + 0.18 * np.cos(6 * np.pi * t)), dtype=np.float32)


def _blade(t: Floats) -> Floats:
    return np.asarray(np.clip(1 - t, 0, 1) ** 0.55, dtype=np.float32)


def _paint(rng: np.random.Generator, canvas: Canvas, weather: Weather, leaf: Leaf) -> None:
    height_px, width_px = canvas.labels.shape
    reach = leaf.length_px * 1.25 + leaf.lift_px + 4
    rows = slice(max(0, int(leaf.y - reach)), min(height_px, int(leaf.y + reach) + 1))
    columns = slice(max(0, int(leaf.x - reach)), min(width_px, int(leaf.x + reach) + 1))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    box = (rows, columns)
    along, across = local_axes(box, leaf.y, leaf.x, leaf.angle)
    t = along / np.float32(leaf.length_px)
    across -= np.float32(leaf.bend * leaf.length_px) * np.clip(t, 0, 1.2) ** 2
    half_width = leaf.half_width_px * leaf.profile(np.clip(t, 0, 1))
    cover: Floats = np.clip(half_width - np.abs(across) + 0.5, 0, 1).astype(np.float32)
    cover[(t < 0) | (t > 1)] = 0
    _cast_shadow(canvas, weather, box, cover, leaf.lift_px)
    colour = leaf.colour * _shading(rng, weather, leaf, t, across, half_width)[..., None]
    patch = canvas.colours[box]
    canvas.colours[box] = patch * (1 - cover[..., None]) + colour * cover[..., None]
    canvas.labels[box][cover > 0.5] = leaf.label


def _cast_shadow(
    canvas: Canvas, weather: Weather, box: tuple[slice, slice], cover: Floats, lift_px: float
) -> None:
    offset = (lift_px * np.sin(weather.sun_angle), lift_px * np.cos(weather.sun_angle))
    shadow = ndimage.shift(cover, offset, order=1)
    shadow = ndimage.gaussian_filter(shadow, 0.8 + 2.0 * (1 - weather.sun))
    canvas.colours[box] *= 1 - (0.2 + 0.4 * weather.sun) * shadow[..., None]


def _shading(
    rng: np.random.Generator,
    weather: Weather,
    leaf: Leaf,
    t: Floats,
    across: Floats,
    half_width: Floats,
) -> Floats:
    """Light over a leaf: its two halves tilt differently, the midrib is paler."""
    tilt = np.sin(leaf.angle - weather.sun_angle) * (0.08 + 0.14 * weather.sun)
    light = 1 + tilt * np.tanh(across / 1.5)
    rib = np.exp(-((across / 1.1) ** 2))
    light += 0.28 * min(1.0, leaf.veins + 0.2) * rib
    spacing = np.float32(5.5 / leaf.length_px)
    slant = t - np.abs(across) / np.float32(leaf.length_px)
    light += 0.09 * leaf.veins * np.cos(2 * np.pi * slant / spacing)
    light += 0.05 * rng.standard_normal(t.shape, dtype=np.float32)
    edge = np.clip(np.abs(across) / np.maximum(half_width, 0.5), 0, 1)
    return np.asarray(light * (1 - 0.15 * edge**3), dtype=np.float32)

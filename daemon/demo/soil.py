"""The ground of a synthetic field: clods, moisture, stones and straw, lit from one side.

Relief is fractal noise (Perlin's octaves, by Gaussian filtering of white noise); its slope
towards the light gives the shading, as in any hill-shaded map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.float32]

# linear RGB in [0, 1]: loam, clay, sand, peat, reddish earth
SOILS = np.array(
    [
        [0.42, 0.33, 0.25],
        [0.47, 0.40, 0.33],
        [0.60, 0.52, 0.42],
        [0.25, 0.21, 0.18],
        [0.50, 0.31, 0.22],
    ],
    dtype=np.float32,
)
STRAW = np.array([0.76, 0.68, 0.48], dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Weather:
    """The conditions of one video. Angles in radians, image axes (y down).

    sun: 0 overcast to 1 hard sun. wet: 0 dry to 1 soaked. row_angle: of the crop rows
    against the vertical. growth: 0 seedling to 1 nearly closed rows. hue: of the leaves, on
    the colour circle in [0, 1]; crops and weeds share it. sun_angle: direction of shadows.
    weeds: their density, 1 on average. moss: share of the ground under a green film. stones, straw:
    how many.
    """

    sun: float
    sun_angle: float
    wet: float
    row_angle: float
    row_gap_px: float
    growth: float
    hue: float
    weeds: float
    moss: float
    stones: int
    straw: int


def draw_weather(rng: np.random.Generator) -> Weather:
    """Random conditions for one video."""
    return Weather(
        sun=float(rng.uniform(0.1, 1.0)),
        sun_angle=float(rng.uniform(0, 2 * np.pi)),
        wet=float(rng.uniform(0, 1)),
        row_angle=float(rng.normal(0, 0.09)),
        row_gap_px=float(rng.uniform(118, 165)),
        growth=float(rng.uniform(0.1, 1.0)),
        hue=float(rng.uniform(0.21, 0.34)),
        weeds=float(rng.uniform(0.3, 1.7)),
        moss=float(max(0.0, rng.uniform(-0.12, 0.18))),
        stones=int(rng.integers(0, 30)),
        straw=int(rng.integers(0, 40)),
    )


def noise(rng: np.random.Generator, shape: tuple[int, int], scales_px: list[float]) -> Floats:
    """Fractal noise, mean 0, standard deviation 1; an octave of s px has the weight s ** 0.4."""
    total = np.zeros(shape, dtype=np.float32)
    for scale in scales_px:
        octave = ndimage.gaussian_filter(
            rng.standard_normal(shape, dtype=np.float32), scale, mode="wrap"
        )
        total += octave / octave.std() * scale**0.4
    return np.asarray((total - total.mean()) / total.std(), dtype=np.float32)


def draw_soil(rng: np.random.Generator, shape: tuple[int, int], weather: Weather) -> Floats:
    """The bare ground, (H, W, 3) in [0, 1]."""
    relief = noise(rng, shape, [0.7, 1.5, 3.0, 7.0]) + 0.5 * _clods(rng, shape)
    light = _slope(relief, weather.sun_angle) * (0.035 + 0.06 * weather.sun)
    base = SOILS[rng.integers(len(SOILS))] * rng.uniform(0.85, 1.15) + rng.normal(0, 0.015, 3)
    tint = noise(rng, shape, [2.0, 20.0, 60.0])[..., None] * np.array([0.022, 0.018, 0.014])
    ground = base + tint + light[..., None]
    moisture = (
        ndimage.gaussian_filter(noise(rng, shape, [12.0, 45.0]), 2.0) + 2.2 * weather.wet - 1.3
    )
    damp = 1 / (1 + np.exp(-2.5 * moisture))  # (H, W), 0 dry to 1 damp
    ground = ground * (1 - 0.42 * damp[..., None])
    ground = _overgrow(rng, ground.astype(np.float32), relief, weather)
    for _ in range(weather.stones):
        _stone(rng, ground, weather)
    for _ in range(weather.straw):
        _straw(rng, ground, weather)
    return np.asarray(np.clip(ground, 0, 1), dtype=np.float32)


def _clods(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    lumps = noise(rng, shape, [4.0])
    return np.asarray(np.maximum(lumps - 0.6, 0) * 3, dtype=np.float32)


def leaf_colour(rng: np.random.Generator, weather: Weather) -> Floats:
    """A green of this video, (3,) RGB in [0, 1]; the same distribution for every species."""
    hue = 6 * (weather.hue + rng.normal(0, 0.018))
    saturation, value = rng.uniform(0.32, 0.62), rng.uniform(0.36, 0.64)
    ramp = np.abs((hue + np.array([0.0, 4.0, 2.0])) % 6 - 3) - 1
    return np.asarray(value * (1 - saturation * (1 - np.clip(ramp, 0, 1))), dtype=np.float32)


def _overgrow(rng: np.random.Generator, ground: Floats, relief: Floats, weather: Weather) -> Floats:
    """Add patches of moss, as green as leaves, so that colour alone does not find plants."""
    patches = noise(rng, (len(relief), relief.shape[1]), [5.0, 18.0])
    edge = np.quantile(patches, 1 - weather.moss)
    film = 0.85 / (1 + np.exp(-4 * (patches - edge) - relief))[..., None]
    film = film * min(1.0, weather.moss * 20)
    green = leaf_colour(rng, weather) * (0.8 + 0.12 * relief[..., None])
    return np.asarray(ground * (1 - film) + green * film, dtype=np.float32)


def _slope(relief: Floats, angle: float) -> Floats:
    down, right = np.gradient(relief)
    return np.asarray(-(down * np.sin(angle) + right * np.cos(angle)), dtype=np.float32)


def _patch(shape: tuple[int, int], y: float, x: float, reach: float) -> tuple[slice, slice]:
    rows = slice(max(0, int(y - reach)), min(shape[0], int(y + reach) + 1))
    columns = slice(max(0, int(x - reach)), min(shape[1], int(x + reach) + 1))
    return rows, columns


def local_axes(box: tuple[slice, slice], y: float, x: float, angle: float) -> tuple[Floats, Floats]:
    """Distances in px along and across a direction, from (y, x), for each pixel of a box."""
    down = np.arange(box[0].start, box[0].stop, dtype=np.float32)[:, None] - np.float32(y)
    right = np.arange(box[1].start, box[1].stop, dtype=np.float32)[None, :] - np.float32(x)
    sine, cosine = np.float32(np.sin(angle)), np.float32(np.cos(angle))
    return right * cosine + down * sine, down * cosine - right * sine


def _stone(rng: np.random.Generator, ground: Floats, weather: Weather) -> None:
    radius = float(rng.gamma(2.2, 1.6)) + 1.5
    y, x = rng.uniform(0, ground.shape[0]), rng.uniform(0, ground.shape[1])
    box = _patch((len(ground), ground.shape[1]), y, x, radius * 2.2)
    along, across = local_axes(box, y, x, float(rng.uniform(0, np.pi)))
    bumps = 1 + 0.12 * np.sin(3 * np.arctan2(across, along) + rng.uniform(0, 6))
    distance = np.hypot(along, across * rng.uniform(1.1, 1.8)) / bumps
    inside = np.clip(radius - distance + 0.5, 0, 1)[..., None]
    lit, _ = local_axes(box, y, x, weather.sun_angle)
    shadow = np.clip(radius * 1.25 - np.hypot(along, across) + 0.5, 0, 1) * (lit > 0)
    ground[box] *= 1 - 0.45 * weather.sun * shadow[..., None]
    colour = rng.uniform(0.35, 0.75) + rng.normal(0, 0.025, 3) - 0.12 * (lit / radius)[..., None]
    ground[box] = ground[box] * (1 - inside) + colour * inside


def _straw(rng: np.random.Generator, ground: Floats, weather: Weather) -> None:
    length, half_width = rng.uniform(6, 45), rng.uniform(0.6, 1.6)
    y, x = rng.uniform(0, ground.shape[0]), rng.uniform(0, ground.shape[1])
    box = _patch((len(ground), ground.shape[1]), y, x, length / 2 + 4)
    along, across = local_axes(box, y, x, float(rng.uniform(0, np.pi)))
    across = across - rng.normal(0, 0.002) * along**2
    inside = np.clip(half_width - np.abs(across) + 0.5, 0, 1) * (np.abs(along) < length / 2)
    shadow = np.clip(half_width - np.abs(across - 1.5) + 0.8, 0, 1) * (np.abs(along) < length / 2)
    ground[box] *= 1 - 0.35 * weather.sun * shadow[..., None]
    colour = STRAW * rng.uniform(0.6, 1.1) * (1 - 0.4 * weather.wet)
    ground[box] = ground[box] * (1 - inside[..., None]) + colour * inside[..., None]

"""Synthetic field photographs with exact masks: top views of crop rows and two weeds.

They are frames of videos: a camera moves along the rows, so that neighbouring frames overlap and
some are nearly the same. Light, soil, moisture, stones, straw and growth vary between videos. Crop
and weeds have the same colours; they differ in shape, size, texture and position. Weeds are rare.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from daemon.demo.plants import Canvas, plant_broadleaf, plant_crop, plant_grass
from daemon.demo.soil import Floats, Weather, draw_soil, draw_weather

CLASSES = ("soil", "crop", "broadleaf_weed", "grass_weed")
SIZE_PX = 320
FRAMES = 8  # of a sequence, on average
STILL_SHARE = 0.3  # share of frames that hardly differ from the one before
JPEG_QUALITY = 92


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One photograph. name: VIDEO_FRAME. image: (H, W, 3) RGB; mask: (H, W) indices of CLASSES."""

    name: str
    image: npt.NDArray[np.uint8]
    mask: npt.NDArray[np.uint8]


def draw_sequence(rng: np.random.Generator, video: int, frames: int) -> Iterator[Frame]:
    """The frames of one video, in order; each is SIZE_PX x SIZE_PX."""
    weather = draw_weather(rng)
    still = rng.random(frames) < STILL_SHARE
    steps_px = np.where(still, rng.integers(0, 3, frames), rng.integers(25, 80, frames))
    starts_px = np.cumsum(steps_px) - steps_px[0]
    drift_px = np.clip(np.cumsum(rng.integers(-2, 3, frames)) + 16, 0, 32)
    canvas = draw_stretch(rng, weather, (int(starts_px[-1]) + SIZE_PX, SIZE_PX + 32))
    camera = _draw_camera(rng)
    for index, (top, left) in enumerate(zip(starts_px, drift_px, strict=True)):
        view = (slice(top, top + SIZE_PX), slice(left, left + SIZE_PX))
        yield Frame(
            name=f"field{video:03d}_{index:04d}",
            image=camera.expose(rng, canvas.colours[view]),
            mask=canvas.labels[view].copy(),
        )


def draw_stretch(rng: np.random.Generator, weather: Weather, shape: tuple[int, int]) -> Canvas:
    """A strip of field of this (H, W): soil, then weeds, then crop rows on top."""
    canvas = Canvas(colours=draw_soil(rng, shape, weather), labels=np.zeros(shape, np.uint8))
    crops = _crop_positions(rng, weather, shape)
    area = shape[0] * shape[1] / SIZE_PX**2  # in photographs
    kinds = (plant_broadleaf, plant_grass)
    broadleaf_share = rng.uniform(0.25, 0.75)  # each field has its own mixture of weeds
    for _ in range(rng.poisson(5.5 * weather.weeds * area)):
        position = rng.uniform(0, 1, 2) * shape
        if crops.size and np.hypot(*(crops - position).T).min() < 14 + 14 * weather.growth:
            continue  # no weed grows in the shade of the crop
        kinds[int(rng.random() > broadleaf_share)](rng, canvas, weather, *position)
    for y, x in crops:
        plant_crop(rng, canvas, weather, float(y), float(x))
    return canvas


def _crop_positions(
    rng: np.random.Generator, weather: Weather, shape: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Positions of the crop plants, (N, 2) y and x in px: rows with even gaps, some missing."""
    gap_px = 50 + 36 * weather.growth
    first = rng.uniform(0, weather.row_gap_px)
    slope = np.tan(weather.row_angle)
    positions = []
    for row in np.arange(first - weather.row_gap_px, shape[1] + 120, weather.row_gap_px):
        for y in np.arange(rng.uniform(0, gap_px), shape[0] + 30, gap_px):
            if rng.random() < 0.85:
                x = row + slope * (y - shape[0] / 2) + rng.normal(0, 4)
                positions.append((y + rng.normal(0, 6), x))
    return np.array(positions).reshape(-1, 2)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """The camera of a video. gain: exposure per channel, (3,).

    shade: (SIZE_PX, SIZE_PX) share of the light that rig and lens let through, 1: all of it. grain:
    standard deviation of the sensor noise, of 1.
    """

    gain: Floats
    shade: Floats
    blur_px: float
    grain: float

    def expose(self, rng: np.random.Generator, scene: Floats) -> npt.NDArray[np.uint8]:
        """The photograph of a view of the field: (H, W, 3) in [0, 1] to uint8."""
        flicker = np.float32(rng.normal(1, 0.02))
        light = ndimage.gaussian_filter(scene, (self.blur_px, self.blur_px, 0))
        light = light * self.gain * self.shade[..., None] * flicker
        light = light + rng.normal(0, self.grain, light.shape)
        return np.asarray(np.clip(light, 0, 1) * 255 + 0.5, dtype=np.uint8)


def _draw_camera(rng: np.random.Generator) -> Camera:
    warmth = rng.normal(0, 0.06)
    gain = rng.uniform(0.75, 1.35) * np.array([1 + warmth, 1.0, 1 - warmth])
    axis = (np.arange(SIZE_PX) - SIZE_PX / 2) / SIZE_PX
    down, right = np.meshgrid(axis, axis, indexing="ij")
    shade = 1 - rng.uniform(0, 0.5) * (down**2 + right**2)
    if rng.random() < 0.4:  # the shadow of the rig
        turn, edge = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.35)
        distance = down * np.sin(turn) + right * np.cos(turn) - edge
        shade = shade * (1 - rng.uniform(0.3, 0.55) / (1 + np.exp(-distance * 60)))
    return Camera(
        gain=gain.astype(np.float32),
        shade=shade.astype(np.float32),
        blur_px=float(rng.uniform(0.3, 0.8)),
        grain=float(rng.uniform(0.005, 0.02)),
    )


def draw_field(rng: np.random.Generator, images: int, first_video: int = 0) -> Iterator[Frame]:
    """This many frames, in videos of 5 to 11."""
    video, left = first_video, images
    while left > 0:
        frames = min(left, int(rng.integers(FRAMES - 3, FRAMES + 4)))
        yield from draw_sequence(rng, video, frames)
        video, left = video + 1, left - frames


def write_field(folder: Path, rng: np.random.Generator, pool: int, test: int) -> None:
    """Write images/, masks/, splits.json and classes.json. No video is in both pool and test."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "masks").mkdir(exist_ok=True)
    splits: dict[str, list[str]] = {"pool": [], "test": []}
    for split, count, first_video in (("pool", pool, 0), ("test", test, 100)):
        for frame in draw_field(rng, count, first_video):
            Image.fromarray(frame.image).save(
                folder / "images" / f"{frame.name}.jpg", quality=JPEG_QUALITY
            )
            Image.fromarray(frame.mask).save(folder / "masks" / f"{frame.name}.png")
            splits[split].append(frame.name)
    (folder / "classes.json").write_text(json.dumps(list(CLASSES)))
    (folder / "splits.json").write_text(json.dumps(splits, indent=1))

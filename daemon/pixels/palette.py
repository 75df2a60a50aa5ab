"""Masks as small palette PNGs that a browser paints: class indices with a colour each."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from daemon.domain import IGNORE, Mask

MOST_SIDE_PX = 768  # of a mask that is kept for pages
# By class index, again from the first after the eighth; as in daemon/web/static/page.css.
COLOURS = ("8b8378", "4f9d4a", "c2477f", "3f7fbf", "d98a1f", "7a5fb5", "2f9c95", "b5533c")


def class_colour(index: int) -> str:
    """The colour of a class: six hex digits."""
    return COLOURS[index % len(COLOURS)]


def palette_png(mask: Mask, colours: tuple[str, ...] = COLOURS) -> bytes:
    """A PNG of an (H, W) mask: the index of a pixel is its class, and 255 is transparent.

    colours: by index, six hex digits each; they repeat.
    """
    parts = [bytes.fromhex(colours[index % len(colours)]) for index in range(256)]
    image = Image.fromarray(mask)
    image.putpalette(b"".join(parts))
    file = io.BytesIO()
    image.save(file, format="PNG", transparency=IGNORE)
    return file.getvalue()


def scaled_mask(mask: Mask, most_px: int = MOST_SIDE_PX) -> Mask:
    """An (H, W) mask with at most `most_px` pixels a side, by the nearest pixel; no larger."""
    height, width = mask.shape
    return resized_mask(mask, *_within(height, width, most_px))


def resized_mask(mask: Mask, height: int, width: int) -> Mask:
    """An (H, W) mask at (height, width), by the nearest pixel."""
    if mask.shape == (height, width):
        return mask
    found: Mask = mask[_nearest(mask.shape[0], height)[:, None], _nearest(mask.shape[1], width)]
    return found


def small_jpeg(picture: npt.NDArray[np.uint8], most_px: int) -> bytes:
    """A JPEG of an (H, W, 3) picture with at most `most_px` pixels a side."""
    height, width = _within(picture.shape[0], picture.shape[1], most_px)
    image, file = Image.fromarray(picture), io.BytesIO()
    small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    small.save(file, format="JPEG", quality=85)
    return file.getvalue()


def _nearest(pixels: int, wanted: int) -> npt.NDArray[np.int64]:
    """(wanted,): which of so many pixels of a side is the nearest to each."""
    centres = (np.arange(wanted) + 0.5) * pixels / wanted
    return np.minimum(centres.astype(np.int64), pixels - 1)


def _within(height: int, width: int, most_px: int) -> tuple[int, int]:
    scale = min(1.0, most_px / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))

"""Pictures inside of a page, as base64 of a JPEG or a PNG."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.domain.errors import ImageRefused

MOST_PIXELS = 100_000_000  # of a picture that is made smaller


def small_jpeg(path: Path, side_px: int) -> str:
    """Base64 of a JPEG of at most `side_px`; "" for a picture that has become unreadable or is too
    large to open for this."""
    from PIL import Image

    from daemon.pixels.reader import read_picture

    try:
        pixels = read_picture(path, where=str(path), max_pixels=MOST_PIXELS)
    except (ImageRefused, OSError):
        return ""
    picture = Image.fromarray(pixels)
    picture.thumbnail((side_px, side_px))
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=80)
    return base64.b64encode(written.getvalue()).decode()


def small_png(colours: npt.NDArray[np.uint8], side_px: int) -> str:
    """Base64 of a PNG of at most `side_px`. colours: (H, W, 3), of few values; none is mixed."""
    from PIL import Image

    picture = Image.fromarray(colours)
    scale = min(1.0, side_px / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.resize(size, Image.Resampling.NEAREST).quantize(64, dither=Image.Dither.NONE)
    written = io.BytesIO()
    small.save(written, "PNG", optimize=True)
    return base64.b64encode(written.getvalue()).decode()

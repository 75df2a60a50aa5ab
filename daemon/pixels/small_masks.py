"""Masks of models that are kept for pages: small PNGs of class indices, 255 = ignore."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from daemon.domain import Mask
from daemon.domain.errors import MaskRefused
from daemon.pixels.mask_overlays import reduced_mask

KEPT_PX = 768  # of the longer side of a mask, at the most


def small_mask_png(mask: Mask, longest_px: int = KEPT_PX) -> bytes:
    """A PNG of an (H, W) mask whose longer side has at most `longest_px`."""
    file = io.BytesIO()
    Image.fromarray(reduced_mask(mask, longest_px)).save(file, format="PNG")
    return file.getvalue()


def read_small_mask(path: Path) -> Mask:
    """The (H, W) indices of a mask that is kept. Raises MaskRefused where it cannot be read."""
    try:
        with Image.open(io.BytesIO(path.read_bytes())) as png:
            found = np.array(png, dtype=np.uint8)
    except (OSError, ValueError) as exc:
        raise MaskRefused(
            f"{path}: {exc}", got=str(exc), expected="a mask", cure="train again"
        ) from exc
    if found.ndim != 2:
        raise MaskRefused(
            f"{path}: has {found.ndim} dimensions",
            got="a picture",
            expected="a mask",
            cure="train again",
        )
    return found


def resized_mask(mask: Mask, height: int, width: int) -> Mask:
    """An (H, W) mask at (height, width), by the nearest pixel."""
    rows = (np.arange(height) * 2 + 1) * mask.shape[0] // (2 * height)
    columns = (np.arange(width) * 2 + 1) * mask.shape[1] // (2 * width)
    return np.ascontiguousarray(mask[np.ix_(rows, columns)])

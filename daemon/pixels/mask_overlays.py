"""Masks as transparent pictures that lie over their image."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageColor

from daemon.domain import IGNORE, Mask
from daemon.domain.class_colours import IGNORE_COLOUR
from daemon.pixels.thumbnails import fitted

_CLEAR = 254  # the palette entry that is drawn nowhere
_STRIPE_PX, _GAP_PX = 2, 8  # of the hatching where there is no label


def overlay_png(mask: Mask, colours: Mapping[int, str], longest_px: int) -> bytes:
    """A mask (H, W) as a palette PNG whose longer side has at most `longest_px`.

    colours: pixel value -> "#rrggbb". Classes without a colour are transparent; 255 (no label) is
    hatched in gray on a transparent ground.
    """
    small = reduced_mask(mask, longest_px)
    rows, columns = np.indices(small.shape, sparse=True)
    between = (rows + columns) % _GAP_PX >= _STRIPE_PX
    small[(small == IGNORE) & between] = _CLEAR
    palette, opacity = np.zeros((256, 3), np.uint8), np.zeros(256, np.uint8)
    for value, colour in {**colours, IGNORE: IGNORE_COLOUR}.items():
        palette[value], opacity[value] = ImageColor.getrgb(colour)[:3], 255
    picture = Image.fromarray(small)
    picture.putpalette(palette.tobytes())  # makes it one of palette
    out = io.BytesIO()
    picture.save(out, format="PNG", transparency=opacity.tobytes())
    return out.getvalue()


def reduced_mask(mask: Mask, longest_px: int) -> Mask:
    """A copy of a mask whose longer side has at most `longest_px`: the nearest pixel counts."""
    height_px, width_px = mask.shape
    height, width = fitted(height_px, width_px, longest_px)
    rows = (np.arange(height) * 2 + 1) * height_px // (2 * height)
    columns = (np.arange(width) * 2 + 1) * width_px // (2 * width)
    return np.ascontiguousarray(mask[np.ix_(rows, columns)])

"""A finding as a picture: the place, its label, the model's view, and the outline of the place."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from scipy import ndimage

from daemon.domain import IGNORE, Mask
from daemon.domain.class_colours import COLOURS, IGNORE_COLOUR
from daemon.domain.label_findings import Finding

SIDE_PX = 220  # of a panel
MARGIN = 0.75  # around the place, of its longer side
MIN_CONTEXT_PX = 96
OUTLINE = (255, 221, 0)
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is seen around a finding: rows and columns of the image."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def view(self) -> tuple[slice, slice]:
        """The same as slices."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def context_of(finding: Finding, height: int, width: int) -> Context:
    """A square around the place, inside the image."""
    top, left, bottom, right = finding.box_yxyx
    longest = max(bottom - top, right - left)
    side = round(max(longest * (1 + 2 * MARGIN), MIN_CONTEXT_PX))
    y = _start((top + bottom) // 2 - side // 2, side, height)
    x = _start((left + right) // 2 - side // 2, side, width)
    return Context(top=y, left=x, bottom=min(y + side, height), right=min(x + side, width))


def finding_strip(
    finding: Finding, picture: Picture, label: Mask, model: Mask | None, classes: int
) -> Picture:
    """Panels side by side: picture, label, model's view where there is one, the outlined place.

    picture: (H, W, 3). label, model: (H, W). classes: how many there are.
    """
    seen = context_of(finding, *label.shape)
    panels = [picture[seen.view]]
    masks = [mask for mask in (label, model) if mask is not None]
    panels += [painted(picture[seen.view], mask[seen.view], classes) for mask in masks]
    panels.append(_outlined(finding, picture, seen))
    return np.concatenate([_scaled(panel) for panel in panels], axis=1)


def painted(picture: Picture, mask: Mask, classes: int) -> Picture:
    """The picture under half-transparent class colours; background stays clear."""
    found = picture.copy()
    colours = {value: COLOURS[(value - 1) % len(COLOURS)] for value in range(1, classes)}
    for value, colour in (colours | {IGNORE: IGNORE_COLOUR}).items():
        half = np.asarray(_rgb(colour)) // 2
        found[mask == value] = (found[mask == value] // 2 + half).astype(np.uint8)
    return found


def place_mask(finding: Finding) -> npt.NDArray[np.bool_]:
    """(h, w): the pixels of the place in its box; all of it where no picture was kept."""
    top, left, bottom, right = finding.box_yxyx
    try:
        content = base64.b64decode(finding.mask_png, validate=True)
        with Pillow.open(io.BytesIO(content)) as png:
            pixels = np.asarray(png.convert("1").resize((right - left, bottom - top)))
    except (OSError, binascii.Error):
        return np.ones((bottom - top, right - left), bool)
    return pixels.astype(bool)


def _outlined(finding: Finding, picture: Picture, seen: Context) -> Picture:
    found = picture.copy()
    top, left, bottom, right = finding.box_yxyx
    pixels = np.pad(place_mask(finding), 1)
    edge = (ndimage.binary_dilation(pixels) & ~pixels)[1:-1, 1:-1]
    inner = (pixels & ~ndimage.binary_erosion(pixels))[1:-1, 1:-1]
    found[top:bottom, left:right][edge | inner] = OUTLINE
    return found[seen.view]


def _scaled(panel: Picture) -> Picture:
    image = Pillow.fromarray(panel).resize((SIDE_PX, SIDE_PX), Pillow.Resampling.BILINEAR)
    return np.asarray(image)


def _rgb(colour: str) -> tuple[int, int, int]:
    text = colour.lstrip("#")
    return int(text[:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def _start(wanted: int, side: int, size: int) -> int:
    return max(0, min(wanted, size - side))

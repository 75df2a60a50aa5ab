"""Decode the pixels of an opened picture into the colours that people see."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.Image import Transpose

from daemon.domain.errors import ImageRefused
from daemon.pixels import colour
from daemon.pixels.gif import Box
from daemon.pixels.headers import Opened

Picture = npt.NDArray[np.uint8]  # (H, W, 3) RGB, upright

BACKGROUND = 255  # white, behind a transparent picture
UPRIGHT = {  # orientation as in EXIF -> the operation that makes a picture upright
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_GRAYS = ("1", "L", "LA", "I;16", "I;16B", "I;16L", "I;16N")
_COLOURS = ("P", "PA", "RGB", "RGBA", "RGBX", "YCbCr", "CMYK")


def decode(opened: Opened) -> Picture:
    """Decode all pixels. Raises ImageRefused, or what the decoder raises for a damaged file."""
    opened.picture.load()
    picture: Image.Image = opened.picture
    if opened.orientation in UPRIGHT:
        picture = picture.transpose(UPRIGHT[opened.orientation])
    if picture.mode == "L" and not (opened.icc or opened.coded or picture.has_transparency_data):
        seen, alpha = np.asarray(picture.convert("RGB")), None
    elif picture.mode in _GRAYS:
        seen, alpha = _gray(picture, opened)
    elif picture.mode in _COLOURS:
        seen, alpha = _colour(picture, opened)
    else:
        raise ImageRefused(
            got=f"a {opened.kind} of mode {picture.mode}, whose values have no colours of their "
            f"own",
            expected="8 or 16 bits a channel",
            cure="save it as 8-bit RGB",
        )
    if opened.box is not None:
        alpha = _inside(opened.box, alpha, seen.shape[:2])
    return seen if alpha is None else _on_background(seen, alpha)


def _gray(picture: Image.Image, opened: Opened) -> tuple[Picture, Picture | None]:
    """(H, W, 3) and, where it is transparent, (H, W)."""
    if picture.mode.startswith("I;16"):
        values = np.asarray(picture)
        gray, one = (values >> 8).astype(np.uint8), picture.info.get("transparency")
        alpha = None if one is None else np.where(values == one, 0, 255).astype(np.uint8)
    elif picture.mode == "LA" or picture.has_transparency_data:
        both = np.asarray(picture.convert("LA"))
        gray, alpha = both[..., 0], both[..., 1]
    else:
        gray, alpha = np.asarray(picture.convert("L")), None
    table = colour.gray_table(_conversion(opened, "L"))
    if table is not None:
        return table[gray], alpha
    return np.asarray(Image.fromarray(np.ascontiguousarray(gray)).convert("RGB")), alpha


def _colour(picture: Image.Image, opened: Opened) -> tuple[Picture, Picture | None]:
    if picture.mode == "CMYK":
        convert = _conversion(opened, "CMYK")
        if convert is None:
            return np.asarray(picture.convert("RGB")), None
        return colour.converted(np.asarray(picture), convert), None
    alpha = None
    if picture.has_transparency_data:
        both = np.asarray(picture.convert("RGBA"))
        seen, alpha = np.ascontiguousarray(both[..., :3]), both[..., 3]
    else:
        seen = np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))
    convert = _conversion(opened, "RGB")
    return (seen if convert is None else colour.converted(seen, convert)), alpha


def _conversion(opened: Opened, space: str) -> colour.Convert | None:
    if opened.icc is not None:
        return colour.profile_conversion(opened.icc, space)
    return None if opened.coded is None else colour.conversion(opened.coded)


def _inside(box: Box, alpha: Picture | None, size: tuple[int, ...]) -> Picture | None:
    """The transparency of a picture that does not fill its screen."""
    (height, width), (top, bottom, left, right) = size, box
    if top <= 0 and left <= 0 and bottom >= height and right >= width:
        return alpha
    inner = np.zeros((height, width), np.uint8)
    inner[top:bottom, left:right] = 255
    return inner if alpha is None else np.minimum(inner, alpha)


def _on_background(seen: Picture, alpha: Picture) -> Picture:
    """Blend over white, a block of rows at a time, rounded to the nearest value."""
    result = np.empty_like(seen)
    for top in range(0, len(seen), colour.BLOCK_ROWS):
        rows = slice(top, top + colour.BLOCK_ROWS)
        share = alpha[rows, :, None].astype(np.uint16)
        mixed = seen[rows] * share + BACKGROUND * (255 - share)
        result[rows] = (mixed + 127) // 255
    return result

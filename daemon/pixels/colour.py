"""Colours as numbers of sRGB, as chromium converts them: ICC profiles, gamma, primaries.

A damaged profile, or one for another kind of picture, counts as none, as in the browser.
Light that sRGB cannot hold (HDR) is refused: what a browser shows then depends on its screen.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from daemon.domain.errors import ImageRefused

Colours = npt.NDArray[np.uint8]  # (..., 3)
Convert = Callable[[Colours], Colours]  # colours of the file -> colours of sRGB
Chromaticity = tuple[float, float]

BLOCK_ROWS = 256  # that are converted at once: memory does not grow with the picture
_LIGHTS = 65_536  # steps of linear light
_SAMPLES = 9  # along each channel, to see whether a profile changes anything
_EXACT = ImageCms.Flags.NOOPTIMIZE  # lcms cuts its tables short otherwise; gray has 256 values
_BROKEN = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
_GAMMA_TOLERANCE = 0.05  # libpng's: a gamma so close to that of sRGB changes nothing
D65: Chromaticity = (0.3127, 0.3290)
# ITU-T H.273, colour primaries -> red, green, blue, white
PRIMARIES: dict[int, Sequence[Chromaticity]] = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), D65),
    4: ((0.670, 0.330), (0.210, 0.710), (0.140, 0.080), (0.310, 0.316)),
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
}
_UNSAID, _SRGB_TRANSFER, _LINEAR_TRANSFER = 2, 13, 8
_VIDEO_TRANSFERS = (1, 6, 14, 15)
_POWERS = {4: 2.2, 5: 2.8}
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


@dataclass(frozen=True, kw_only=True)
class Coded:
    """How a file says that its colours are meant, where that is not sRGB.

    power: linear light = value ** power; None: the curve of sRGB. primaries: red, green, blue
    and white as chromaticities; None: those of sRGB.
    """

    power: float | None
    primaries: tuple[Chromaticity, ...] | None


def of_gamma(gamma: bytes, chromaticities: bytes) -> Coded | None:
    """What the chunks gAMA and cHRM of a PNG file say; None where that changes nothing."""
    value = int.from_bytes(gamma, "big") / 100_000 if len(gamma) == 4 else 0.0
    if value <= 0:
        return None
    primaries = None
    if len(chromaticities) == 32:
        numbers = [int.from_bytes(chromaticities[n : n + 4], "big") / 1e5 for n in range(0, 32, 4)]
        white, *rest = zip(numbers[::2], numbers[1::2], strict=True)
        primaries = (*rest, white)
        if _matrix(primaries) is None:
            return None
    if primaries is None and abs(value * 2.2 - 1) <= _GAMMA_TOLERANCE:
        return None
    return Coded(power=1 / value, primaries=primaries)


def of_code(primaries: int, transfer: int, video_power: float | None) -> Coded | None:
    """What code points of ITU-T H.273 say; None where that is sRGB or not said.

    video_power: of the transfer functions of video; None: they are taken for that of sRGB.
    Raises ImageRefused for light that sRGB cannot hold.
    """
    if _UNSAID in (primaries, transfer):
        return None
    powers: dict[int, float | None] = {_SRGB_TRANSFER: None, _LINEAR_TRANSFER: 1.0, **_POWERS}
    powers |= dict.fromkeys(_VIDEO_TRANSFERS, video_power)
    if transfer not in powers or primaries not in PRIMARIES:
        raise ImageRefused(
            got=f"colours coded with primaries {primaries} and transfer {transfer}, perhaps HDR",
            expected="those of a usual photograph",
            cure="save the image as sRGB",
        )
    power = powers[transfer]
    if primaries == 1 and power is None:
        return None
    return Coded(power=power, primaries=None if primaries == 1 else tuple(PRIMARIES[primaries]))


@lru_cache(maxsize=32)
def conversion(coded: Coded) -> Convert:
    """Colours coded so -> sRGB."""
    values = np.arange(256) / 255
    light = _decoded(values) if coded.power is None else values**coded.power
    encoded = _encoded(np.arange(_LIGHTS) / (_LIGHTS - 1))
    matrix = None if coded.primaries is None else _matrix(coded.primaries)
    if matrix is None:
        table = _encoded(light)
        return lambda colours: table[colours]
    light, turned = light.astype(np.float32), matrix.T.astype(np.float32)

    def convert(colours: Colours) -> Colours:
        lights = np.clip(light[colours] @ turned, 0, 1)
        return np.asarray(encoded[np.rint(lights * (_LIGHTS - 1)).astype(np.int32)])

    return convert


def profile_conversion(icc: bytes, space: str) -> Convert | None:
    """Colours by an ICC profile -> sRGB; None where it is damaged, unfit, or changes nothing.

    space: "L", "RGB" or "CMYK", what the values of the picture are; a gray picture may have a
    profile of colours. The colours given have three channels, those of CMYK four.
    """
    found = _profile(icc, space)
    return None if found is None or found.is_srgb else found.convert


def fits(icc: bytes, space: str) -> bool:
    """Whether a profile is whole and one for values of this space."""
    return _profile(icc, space) is not None


@dataclass(frozen=True, kw_only=True)
class _Profile:
    convert: Convert
    is_srgb: bool  # by another name: nothing has to be done


@lru_cache(maxsize=32)
def _profile(icc: bytes, space: str) -> _Profile | None:
    mode = _FITTING[space].get(icc[16:20])
    if mode is None:
        return None
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(icc)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            flags=_EXACT if space == "L" else ImageCms.Flags.NONE,
        )
        convert = _applied(transform, mode)
        return _Profile(convert=convert, is_srgb=mode == "RGB" and _changes_nothing(convert))
    except _BROKEN:
        return None


_FITTING: dict[str, dict[bytes, str]] = {
    "L": {b"GRAY": "L", b"RGB ": "RGB"},
    "RGB": {b"RGB ": "RGB"},
    "CMYK": {b"CMYK": "CMYK"},
}


def gray_table(convert: Convert | None) -> Colours | None:
    """(256, 3): the sRGB colour of each gray; None where it is the gray itself."""
    if convert is None:
        return None
    grays = np.arange(256, dtype=np.uint8)
    return np.asarray(convert(np.repeat(grays[:, None], 3, axis=1)[None])[0])


def converted(colours: Colours, convert: Convert) -> Colours:
    """A picture (H, W, C) through a conversion, some rows at a time: (H, W, 3)."""
    result = np.empty((*colours.shape[:2], 3), np.uint8)
    for top in range(0, len(colours), BLOCK_ROWS):
        rows = slice(top, top + BLOCK_ROWS)
        result[rows] = convert(colours[rows])
    return result


def _applied(transform: ImageCms.ImageCmsTransform, mode: str) -> Convert:
    def convert(colours: Colours) -> Colours:
        values = colours[..., 0] if mode == "L" else colours
        picture = Image.fromarray(np.ascontiguousarray(values), mode=mode)
        return np.asarray(transform.apply(picture))

    return convert


def _changes_nothing(convert: Convert) -> bool:
    """Whether a profile is sRGB by another name: its colours come out as they were, within 1."""
    steps = np.linspace(0, 255, _SAMPLES).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    return int(np.abs(convert(grid).astype(np.int16) - grid).max()) <= 1


def _decoded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The curve of sRGB: values in [0, 1] -> linear light."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _encode(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The curve of sRGB: linear light in [0, 1] -> values."""
    curved = 1.055 * np.power(np.maximum(light, 1e-9), 1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, 12.92 * light, curved)


def _encoded(light: npt.NDArray[np.float64]) -> Colours:
    return np.rint(255 * _encode(light)).astype(np.uint8)


def _matrix(primaries: Sequence[Chromaticity]) -> npt.NDArray[np.float64] | None:
    """(3, 3): linear light of these primaries -> that of sRGB; None for no such colours."""
    ours, theirs = _to_xyz(PRIMARIES[1]), _to_xyz(primaries)
    if ours is None or theirs is None:
        return None
    wide, narrow = (_BRADFORD @ _xyz(white) for white in (primaries[3], D65))
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(narrow / wide) @ _BRADFORD
    found = np.linalg.inv(ours) @ adapted @ theirs
    return found if np.isfinite(found).all() else None


def _to_xyz(primaries: Sequence[Chromaticity]) -> npt.NDArray[np.float64] | None:
    if any(y <= 0 for _, y in primaries):
        return None
    columns = np.array([_xyz(one) for one in primaries[:3]]).T
    if abs(float(np.linalg.det(columns))) < 1e-6:
        return None
    return np.asarray(columns * np.linalg.solve(columns, _xyz(primaries[3])))


def _xyz(point: Chromaticity) -> npt.NDArray[np.float64]:
    x, y = point
    return np.array([x / y, 1.0, (1 - x - y) / y])

"""Open a picture: read its header and check its limits; no pixel is decoded.

Pillow's decoder gets only those parts of a file that affect what people see, and only the decoder
of that format runs: nothing else in a file can prevent it from being shown.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from daemon.domain.errors import ImageRefused
from daemon.pixels import colour
from daemon.pixels.avif import coded_colour
from daemon.pixels.exif import NONE, Exif
from daemon.pixels.formats import START_BYTES, Kind, kind_of, looks_like
from daemon.pixels.gif import Box, first_box
from daemon.pixels.jpeg import segments
from daemon.pixels.png import Chunks, chunks

# Its warnings about damaged tags name no file; what matters raises an exception.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.TiffImagePlugin")

MOST_PIXELS = 2**30  # of any picture, whatever the settings are: 3 GiB as RGB
EXPECTED = "PNG, JPEG, WEBP, GIF, BMP or AVIF"

# What Pillow and its decoders raise for damaged or truncated bytes.
DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,  # where warnings are errors
)
_PLUGINS: dict[Kind, type[ImageFile.ImageFile]] = {
    Kind.PNG: PngImagePlugin.PngImageFile,
    Kind.JPEG: JpegImagePlugin.JpegImageFile,
    Kind.WEBP: WebPImagePlugin.WebPImageFile,
    Kind.GIF: GifImagePlugin.GifImageFile,
    Kind.BMP: BmpImagePlugin.BmpImageFile,
    Kind.AVIF: AvifImagePlugin.AvifImageFile,
    Kind.TIFF: TiffImagePlugin.TiffImageFile,
}
_VIDEO_POWER = 2.4  # gamma that chromium assumes for video transfer functions in a PNG file
_ORIENTATION = 0x0112
_SAMPLES_OF_PIXEL, _EXTRA_SAMPLES = 277, 338


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A picture that is ready to be decoded.

    orientation: 1 to 8 as in EXIF. icc, coded: the colour space of the file. box: (top, bottom,
    left, right), pixels; a browser shows nothing outside of it.
    """

    kind: Kind
    picture: ImageFile.ImageFile
    orientation: int = 1
    icc: bytes | None = None
    coded: colour.Coded | None = None
    box: Box | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(height_px, width_px), upright."""
        width_px, height_px = self.picture.size
        sideways = self.orientation >= 5
        return (width_px, height_px) if sideways else (height_px, width_px)


def open_picture(content: bytes, where: str, max_pixels: int | None) -> Opened:
    """Read the header. Raises ImageRefused that names `where`."""
    kind = kind_of(content[:START_BYTES])
    if kind is None:
        got = looks_like(content[:512], len(content))
        raise ImageRefused(got=got, expected=EXPECTED, cure="convert the image").at(where)
    try:
        opened, exif = _opened(kind, content)
        width_px, height_px = opened.picture.size
    except ImageRefused as exc:
        raise exc.at(where) from exc
    except DECODER_ERRORS as exc:
        raise damaged(where, kind, exc) from exc
    _check_size(where, width_px, height_px, max_pixels)
    if (laid_out := exif.shown_px(width_px, height_px)) is not None:
        raise ImageRefused(
            got=f"{width_px}x{height_px} pixels whose EXIF makes a browser show "
            f"{laid_out[0]}x{laid_out[1]}",
            expected="one size",
            cure="remove the resolution from its EXIF (exiftool -XResolution= -YResolution= FILE), "
            "or leave the image out",
        ).at(where)
    return opened


def damaged(where: str, kind: Kind, exc: BaseException) -> ImageRefused:
    """The refusal of a file whose header or pixels cannot be decoded."""
    words = str(exc) or type(exc).__name__
    return ImageRefused(
        got=f"a damaged or truncated {kind}: {words[:200]}",
        expected="a whole file",
        cure="copy it again from the camera, or leave the image out",
    ).at(where)


def _check_size(where: str, width_px: int, height_px: int, max_pixels: int | None) -> None:
    most = min(MOST_PIXELS, MOST_PIXELS if max_pixels is None else max_pixels)
    if width_px < 1 or height_px < 1:
        raise ImageRefused(
            got=f"{width_px}x{height_px} pixels",
            expected="at least one",
            cure="leave the image out",
        ).at(where)
    if width_px * height_px > most:
        setting = " ([images] max_megapixels)" if most < MOST_PIXELS else ""
        raise ImageRefused(
            got=f"{width_px}x{height_px} pixels",
            expected=f"at most {most}{setting}",
            cure="scale the image down, or leave it out",
        ).at(where)


def _opened(kind: Kind, content: bytes) -> tuple[Opened, Exif]:
    """The picture, and the EXIF that may change its size: browsers look for that in JPEG only."""
    if kind is Kind.JPEG:
        parts = segments(content)
        picture = _decoder(kind, parts.content)
        return Opened(
            kind=kind, picture=picture, orientation=parts.exif.orientation, icc=parts.icc
        ), parts.exif
    if kind is Kind.PNG:
        return _opened_png(chunks(content)), NONE
    picture = _decoder(kind, content)
    if kind is Kind.GIF:
        return Opened(kind=kind, picture=picture, box=first_box(content)), NONE
    if kind is Kind.AVIF:
        return _opened_avif(content, picture), NONE
    if kind is Kind.TIFF:
        _check_bands(picture)
    icc = picture.info.get("icc_profile") if kind in (Kind.WEBP, Kind.TIFF) else None
    return Opened(kind=kind, picture=picture, icc=icc if isinstance(icc, bytes) else None), NONE


def _opened_png(parts: Chunks) -> Opened:
    picture = _decoder(Kind.PNG, parts.content)
    if parts.hidden:
        picture.seek(1)
    if parts.depth == 16 and parts.see_through and picture.mode == "RGB":
        raise ImageRefused(
            got="a PNG of 16-bit colour with one transparent colour",
            expected="an alpha channel",
            cure="save it again with one",
        )
    icc, coded = parts.icc, None
    if b"cICP" in parts.told and len(parts.told[b"cICP"]) == 4:
        primaries, transfer = parts.told[b"cICP"][:2]
        coded, icc = colour.of_code(primaries, transfer, _VIDEO_POWER), None
    elif icc is None and b"sRGB" not in parts.told:
        coded = colour.of_gamma(parts.told.get(b"gAMA", b""), parts.told.get(b"cHRM", b""))
    return Opened(
        kind=Kind.PNG,
        picture=picture,
        orientation=parts.exif.orientation,
        icc=icc,
        coded=coded,
    )


def _opened_avif(content: bytes, picture: ImageFile.ImageFile) -> Opened:
    """The decoder of AVIF tells the rotation and the mirror of the file as if EXIF had said it."""
    turn = picture.getexif().get(_ORIENTATION, 1)
    icc, said = picture.info.get("icc_profile"), coded_colour(content)
    if icc and not colour.fits(icc, "L" if picture.mode in ("L", "LA") else "RGB"):
        raise ImageRefused(
            got="an AVIF with a damaged or unfit colour profile, which browsers do not show",
            expected="one of RGB",
            cure="save the image again as sRGB",
        )
    return Opened(
        kind=Kind.AVIF,
        picture=picture,
        orientation=turn if turn in range(1, 9) else 1,
        icc=icc if isinstance(icc, bytes) else None,
        coded=colour.of_code(*said, None) if said is not None and not icc else None,
    )


def _check_bands(picture: ImageFile.ImageFile) -> None:
    """Refuse what has more bands than colours and transparency, such as near-infrared."""
    tags = getattr(picture, "tag_v2", {})
    samples = tags.get(_SAMPLES_OF_PIXEL, 1)
    extra = tags.get(_EXTRA_SAMPLES, ())
    usual = {"1": 1, "L": 1, "P": 1, "I;16": 1, "I;16B": 1, "I;16L": 1, "I": 1, "F": 1}
    usual |= {"LA": 2, "PA": 2, "RGB": 3, "YCbCr": 3, "LAB": 3, "RGBA": 4, "CMYK": 4}
    if samples > usual.get(picture.mode, 4) or (len(extra) > 0 and 0 in tuple(extra)):
        raise ImageRefused(
            got=f"a TIFF with {samples} bands",
            expected="gray, RGB, or these with transparency",
            cure="save the bands that people are to see as a picture of three",
        )


def _decoder(kind: Kind, content: bytes) -> ImageFile.ImageFile:
    return _PLUGINS[kind](io.BytesIO(content))

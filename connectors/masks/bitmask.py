"""BitmaskLabels masks: a PNG whose alpha is the mask, inside a data URL.

We write 1-bit palettes with transparency: 4 to 18 KB for a field image of 1.25 megapixels. They are
encoded by hand on purpose: a general encoder starts from a byte a pixel and takes three times as
long. A browser's canvas writes RGBA.
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
import zlib

import numpy as np
import numpy.typing as npt
from PIL import Image

from connectors.unreadable import UnreadableValue, typed
from daemon.domain import Mask

URL_START = "data:image/png;base64,"
MAX_URL_CHARS = 64 * 2**20
# What Pillow raises for damaged files.
_BROKEN = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, AttributeError),
    *(ArithmeticError, struct.error, zlib.error, Image.DecompressionBombError),
)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ONE_BIT_PALETTE = (1, 3, 0, 0, 0)  # bits, colour type, and the only compression, filters, order
_LEVEL = 5  # 6 takes twice as long and saves a tenth


def encode(inside: npt.NDArray[np.bool_]) -> str:
    """The data URL of a mask, (height_px, width_px)."""
    height_px, width_px = inside.shape
    rows = np.zeros((height_px, 1 + (width_px + 7) // 8), np.uint8)  # 0 in front: no filter
    rows[:, 1:] = np.packbits(inside, axis=1)
    content = (
        _SIGNATURE
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, *_ONE_BIT_PALETTE))
        + _chunk(b"PLTE", bytes(6))  # both colours are black,
        + _chunk(b"tRNS", b"\x00\xff")  # and the first cannot be seen
        + _chunk(b"IDAT", zlib.compress(rows.tobytes(), _LEVEL))
        + _chunk(b"IEND", b"")
    )
    return URL_START + base64.b64encode(content).decode("ascii")


def decode(url: object, height_px: int, width_px: int) -> Mask:
    """The alpha channel behind a data URL, (height_px, width_px) uint8. Raises UnreadableValue."""
    content = _png(url)
    width, height = struct.unpack(">II", content[16:24])
    if (height, width) != (height_px, width_px):  # before a pixel is decoded
        raise UnreadableValue(f"a PNG of {width}x{height}", f"{width_px}x{height_px}")
    return _alpha(content)


def _chunk(name: bytes, content: bytes) -> bytes:
    """A part of a PNG: length, name, content, checksum of the last two."""
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def _png(url: object) -> bytes:
    """The bytes behind the data URL: at least a PNG signature and a header."""
    if not isinstance(url, str) or not url.startswith(URL_START) or len(url) > MAX_URL_CHARS:
        raise UnreadableValue(typed(url), f"imageDataURL: {URL_START}... of <= {MAX_URL_CHARS}")
    try:
        content = base64.b64decode(url[len(URL_START) :], validate=True)
    except (binascii.Error, ValueError) as exc:
        raise UnreadableValue(f"broken base64: {exc}", "a PNG") from exc
    if content[:8] != _SIGNATURE or content[12:16] != b"IHDR" or len(content) < 33:
        raise UnreadableValue(f"bytes that start with {content[:8].hex(' ') or 'nothing'}", "a PNG")
    return content


def _alpha(content: bytes) -> Mask:
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            picture.load()
            mode, has_transparency = picture.mode, picture.has_transparency_data
            alpha = np.asarray(picture.convert("RGBA"))[..., 3]
    except _BROKEN as exc:
        raise UnreadableValue(f"a broken PNG: {exc}", "a whole PNG") from exc
    if not has_transparency:
        raise UnreadableValue(f"a PNG of mode {mode}", "one whose transparency is the mask")
    return alpha

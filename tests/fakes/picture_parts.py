"""The parts of odd pictures, byte by byte: EXIF, chunks, colour profiles, bitmaps."""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

HEIGHT, WIDTH = 24, 40
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF", "TIFF", "MPO")
Array = npt.NDArray[Any]


def scene(height: int = HEIGHT, width: int = WIDTH) -> Array:
    """A picture in which no two turns look alike, smooth so that JPEG keeps it."""
    y, x = np.mgrid[:height, :width]
    channels = [x * 255 // (width - 1), y * 255 // (height - 1), (x + y) * 255 // (height + width)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def picture(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(scene()).convert(mode)


def see_through() -> Image.Image:
    alpha = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))
    return Image.fromarray(np.dstack([scene(), alpha]))


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def two_pictures(format: str, **options: Any) -> bytes:
    """A file of two pictures, or an animation: the scene, and the scene upside down."""
    return saved(picture(), format, save_all=True, append_images=[picture().rotate(180)], **options)


# EXIF


def short(value: int, order: str = "<") -> bytes:
    return struct.pack(f"{order}HH", value, 0)


def long(value: int, order: str = "<") -> bytes:
    return struct.pack(f"{order}I", value)


def tiff(
    entries: Sequence[tuple[int, int, int, bytes]],
    order: str = "<",
    *,
    at: int = 8,
    count: int | None = None,
) -> bytes:
    """The TIFF header of EXIF with one folder. entries: (tag, type, count, four bytes)."""
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", at)
    rows = b"".join(struct.pack(f"{order}HHI", *entry[:3]) + entry[3] for entry in entries)
    number = struct.pack(f"{order}H", len(entries) if count is None else count)
    return start.ljust(at, b"\0") + number + rows + bytes(4)


def orientation(value: int, order: str = "<") -> bytes:
    return tiff([(0x112, 3, 1, short(value, order))], order)


def odd_exif() -> dict[str, bytes]:
    """EXIF of every strangeness that cameras and programs write."""
    turn = (0x112, 3, 1, short(6))
    inner = tiff([(0x8769, 4, 1, long(26))])
    return {
        "long": tiff([(0x112, 4, 1, long(6))]),
        "byte": tiff([(0x112, 1, 1, b"\6\0\0\0")]),
        "text": tiff([(0x112, 2, 2, b"6\0\0\0")]),
        "float": tiff([(0x112, 11, 1, struct.pack("<f", 6.0))]),
        "rational": tiff([(0x112, 5, 1, long(8))]),
        "signed": tiff([(0x112, 8, 1, short(6))]),
        "two values": tiff([(0x112, 3, 2, struct.pack("<HH", 6, 6))]),
        "no value": tiff([(0x112, 3, 0, short(6))]),
        "zero": orientation(0),
        "nine": orientation(9),
        "first of two": tiff([turn, (0x112, 3, 1, short(3))]),
        "one, then three": tiff([(0x112, 3, 1, short(1)), (0x112, 3, 1, short(3))]),
        "second where the first means nothing": tiff([(0x112, 3, 1, short(9)), turn]),
        "too many entries promised": tiff([turn], count=500),
        "unknown type before": tiff([(0x10F, 99, 99, b"abcd"), turn]),
        "text beyond the end": tiff([(0x10F, 2, 9999, long(9999)), turn]),
        "huge count": tiff([(0x10F, 2, 2**32 - 1, long(8)), turn]),
        "resolution beyond the end": tiff([(0x11A, 5, 1, long(99_999)), turn]),
        "resolution of zero": tiff([(0x11A, 5, 1, long(30)), (0x11B, 5, 1, long(30)), turn]),
        "resolution as text": tiff([(0x11A, 2, 2, b"x\0\0\0"), (0x128, 2, 2, b"y\0\0\0"), turn]),
        "folder far behind": tiff([turn], at=21),
        "folder beyond the end": tiff([turn])[:4] + long(9999) + tiff([turn])[8:],
        "no next folder": orientation(6)[:-4],
        "cut in the value": orientation(6)[:-6],
        "cut in the header": orientation(6)[:6],
        "not 42": b"II+\0" + orientation(6)[4:],
        "no byte order": b"XX" + orientation(6)[2:],
        "mixed byte order": b"II" + orientation(6, ">")[2:],
        "big end first": orientation(6, ">"),
        "in the Exif folder": inner + orientation(6)[8:],
        "Exif folder is itself": tiff([(0x8769, 4, 1, long(8)), turn]),
        "Exif folder beyond the end": tiff([(0x8769, 4, 1, long(99_999)), turn]),
        "Exif folder first": tiff([(0x8769, 4, 1, long(38)), turn])[:38] + orientation(3)[8:],
        "nothing": b"",
        "noise": bytes(range(200)),
    }


def segment(body: bytes, marker: int = 0xE1) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg_with(*segments: bytes, content: bytes | None = None) -> bytes:
    content = content or saved(picture(), "JPEG", quality=95)
    return content[:2] + b"".join(segments) + content[2:]


def jpeg_with_exif(exif: bytes) -> bytes:
    return jpeg_with(segment(b"Exif\0\0" + exif))


# PNG


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def twelve_bits() -> Array:
    """64 grays of a camera of 12 bits, as PNG of 16 bits holds them."""
    return np.linspace(0, 4095, 64).astype(">u2")


def png(
    rows: Sequence[bytes],
    width: int,
    *,
    depth: int = 8,
    colour: int = 2,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """rows: the packed samples of each row. before, after: chunks around the pixels."""
    header = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + before
        + chunk(b"IDAT", pixels)
        + after
        + chunk(b"IEND", b"")
    )


def png_with(before: bytes = b"", after: bytes = b"") -> bytes:
    rows = [row.tobytes() for row in scene()]
    return png(rows, WIDTH, before=before, after=after)


def gamma(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def chromaticities(*points: float) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(point * 100_000) for point in points)))


ADOBE_POINTS = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
D50_POINTS = (0.34567, 0.35850, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


# ICC profiles


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65_536)) for value in values)


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*values)


def _curve(power: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(power * 256))


def _profile(space: bytes, tags: Sequence[tuple[bytes, bytes]], connection: bytes) -> bytes:
    name = b"test\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78)
    tags = [(b"desc", text), (b"cprt", b"text\0\0\0\0x\0"), (b"wtpt", _xyz(*D50)), *tags]
    table, body = struct.pack(">I", len(tags)), b""
    begin = 132 + 12 * len(tags)
    for name, content in tags:
        content += bytes(-len(content) % 4)
        table += name + struct.pack(">II", begin + len(body), len(content))
        body += content
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(
        ">I4sI4s4s4s", begin + len(body), b"lcms", 0x02100000, kind, space, connection
    )
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*D50)
    return head.ljust(128, b"\0") + table + body


D50 = (0.9642, 1.0, 0.8249)
_SRGB = ((0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
_ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def rgb_profile(points: Sequence[Sequence[float]], power: float) -> bytes:
    names = ((b"rXYZ", b"rTRC"), (b"gXYZ", b"gTRC"), (b"bXYZ", b"bTRC"))
    tags = [
        tag
        for (place, curve), point in zip(names, points, strict=True)
        for tag in ((place, _xyz(*point)), (curve, _curve(power)))
    ]
    return _profile(b"RGB ", tags, b"XYZ ")


def wide_profile() -> bytes:
    return rgb_profile(_ADOBE, 2.2)


def swapped_profile() -> bytes:
    """Red means green: whoever ignores it sees another picture."""
    return rgb_profile((_SRGB[1], _SRGB[0], _SRGB[2]), 2.2)


def gray_profile(power: float = 1.0) -> bytes:
    return _profile(b"GRAY", [(b"kTRC", _curve(power))], b"XYZ ")


def cmyk_profile(grid: int = 3) -> bytes:
    steps = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, grid, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1) + steps * 4
    for c, m, y, k in itertools.product(np.linspace(0, 1, grid), repeat=4):
        light = 100 * (1 - k) * (1 - 0.3 * c - 0.4 * m - 0.1 * y)
        a, b = 40 * (m - c) * (1 - k), 60 * (y - 0.5 * c - 0.2 * m) * (1 - k)
        table += bytes([round(light * 2.55), round(a + 128), round(b + 128)])
    return _profile(b"CMYK", [(b"A2B0", table + steps * 3)], b"Lab ")


# BMP


def bmp(
    width: int,
    height: int,
    bits: int,
    packing: int,
    content: bytes,
    *,
    more: bytes = b"",
    masks: bytes = b"",
    palette: bytes = b"",
) -> bytes:
    header = struct.pack(
        "<IiiHHIIiiII",
        40 + len(more),
        width,
        height,
        1,
        bits,
        packing,
        len(content),
        2835,
        2835,
        len(palette) // 4,
        0,
    )
    begin = 14 + len(header) + len(more) + len(masks) + len(palette)
    start = b"BM" + struct.pack("<IHHI", begin + len(content), 0, 0, begin)
    return start + header + more + masks + palette + content

"""Valid pictures with bytes changed, cut out, doubled or cut off: by a seed, without end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from daemon import pixels
from daemon.domain.errors import ImageRefused
from tests.fakes.picture_parts import (
    FORMATS,
    chunk,
    jpeg_with_exif,
    odd_exif,
    orientation,
    picture,
    png_with,
    saved,
    wide_profile,
)

MAX_PIXELS = 200_000


def valid() -> list[bytes]:
    """Small pictures of every format, with EXIF and a profile where they can hold them."""
    small = picture().resize((10, 6))
    found = []
    for format in FORMATS:
        options = {"save_all": True, "append_images": [small]} if format == "MPO" else {}
        found.append(saved(small, format, **options))
        if format in ("PNG", "JPEG", "WEBP", "AVIF", "TIFF"):
            exif = b"Exif\0\0" + orientation(6)
            icc = wide_profile()
            found.append(saved(small, format, exif=exif, icc_profile=icc))
    found += [jpeg_with_exif(exif) for exif in odd_exif().values()]
    found.append(png_with(chunk(b"eXIf", orientation(6))))
    found.append(saved(small.convert("CMYK"), "JPEG"))
    found.append(saved(small.convert("CMYK"), "TIFF", compression="tiff_lzw"))
    found.append(saved(small.quantize(8), "PNG", transparency=1))
    return found


def mutated(seed: int, count: int) -> Iterator[bytes]:
    """`count` pictures, most of them damaged."""
    rng, sources = np.random.default_rng(seed), valid()
    for number in range(count):
        yield _mutated(sources[number % len(sources)], rng)


def _mutated(source: bytes, rng: np.random.Generator) -> bytes:
    content = bytearray(source)
    for _ in range(int(rng.integers(1, 5))):
        if not content:
            break
        at, kind = int(rng.integers(len(content))), int(rng.integers(6))
        if rng.random() < 0.5:  # headers are where the strange things are
            at = int(rng.integers(min(len(content), 300)))
        span = int(rng.integers(1, 9))
        if kind == 0:
            content[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            content[at : at + span] = rng.integers(0, 256, span, dtype=np.uint8).tobytes()
        elif kind == 2:
            del content[at : at + span]
        elif kind == 3:
            content[at:at] = content[at : at + span]
        elif kind == 4:
            del content[at:]
        else:
            content[at : at + span] = bytes([int(rng.choice((0, 127, 128, 255)))]) * span
    return bytes(content)


def outcome(content: bytes) -> str:
    """ "read" or "refused"; anything else fails: another exception, or a refusal without words."""
    words = ""
    try:
        picture = pixels.read_picture(content, where="image a.png", max_pixels=MAX_PIXELS)
    except ImageRefused as exc:
        words = str(exc)
    if words:
        assert words.startswith("image a.png: ")
        assert len(words) < 600
        return "refused"
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.shape[2] == 3
    assert picture.size <= 3 * MAX_PIXELS
    return "read"

"""Small pictures of every format, mode and oddity that chromium shows."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.fakes.picture_parts import (
    ADOBE_POINTS,
    D50_POINTS,
    bmp,
    chromaticities,
    chunk,
    cmyk_profile,
    gamma,
    gray_profile,
    jpeg_with,
    jpeg_with_exif,
    long,
    odd_exif,
    orientation,
    picture,
    png,
    png_with,
    saved,
    scene,
    see_through,
    segment,
    short,
    swapped_profile,
    tiff,
    twelve_bits,
    two_pictures,
    wide_profile,
)


def orientations() -> Iterator[tuple[str, bytes]]:
    """Each format with each orientation."""
    lossless: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 95},
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    }
    for format, value in itertools.product(("PNG", "JPEG", "WEBP", "AVIF"), range(1, 9)):
        content = saved(picture(), format, exif=orientation(value), **lossless.get(format, {}))
        yield f"{format} turned by {value}", content
    for value in (3, 6):
        cmyk = saved(picture("CMYK"), "JPEG", exif=b"Exif\0\0" + orientation(value))
        yield f"CMYK turned by {value}", cmyk
        exif = b"Exif\0\0" + orientation(value)
        yield (
            f"WEBP turned by {value}, with the word",
            saved(picture(), "WEBP", lossless=True, exif=exif),
        )


def exifs() -> Iterator[tuple[str, bytes]]:
    """JPEG and PNG with EXIF of every strangeness, and strange places of EXIF."""
    turned = orientation(6)
    for name, exif in odd_exif().items():
        yield f"JPEG, EXIF: {name}", jpeg_with_exif(exif)
        yield f"PNG, EXIF: {name}", png_with(chunk(b"eXIf", exif))
    word = b"Exif\0\0"
    third = segment(word + orientation(3))
    for name, *parts in (
        ("two", segment(word + turned), third),
        ("damaged, then another", segment(word + b"XX"), third),
        ("too short, then another", segment(b"Exif\0\0"), third),
        ("with another sixth byte", segment(b"Exif\0X" + turned)),
        ("without zeros", segment(b"Exif" + turned)),
        ("in capitals", segment(b"EXIF\0\0" + turned)),
        ("in another segment", segment(word + turned, 0xE2)),
        ("behind fill bytes", b"\xff\xff" + segment(word + turned)),
        ("behind XMP", segment(b"http://ns.adobe.com/xap/1.0/\0<x/>"), segment(word + turned)),
    ):
        yield f"JPEG, EXIF {name}", jpeg_with(*parts)
    broken = bytearray(chunk(b"eXIf", turned))
    broken[-1] ^= 255
    yield "PNG, EXIF with a wrong checksum", png_with(bytes(broken))
    yield "PNG, EXIF behind the pixels", png_with(after=chunk(b"eXIf", turned))
    yield "PNG, two EXIF", png_with(chunk(b"eXIf", turned) + chunk(b"eXIf", orientation(3)))
    raw = f"\nexif\n{len(word + turned):8d}\n{(word + turned).hex()}\n".encode()
    text = chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw))
    yield "PNG, EXIF as text", png_with(text)
    yield "PNG, a large text", png_with(chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(5_000_000))))


def modes() -> Iterator[tuple[str, bytes]]:
    """Each way to store colours."""
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        yield f"PNG {mode}", saved(picture(mode), "PNG")
        if mode in ("1", "L", "P", "RGB", "RGBA"):
            yield f"BMP {mode}", saved(picture(mode), "BMP")
    for format in ("PNG", "WEBP"):
        yield f"{format} see-through", saved(see_through(), format, lossless=True)
    yield "WEBP lossy, see-through", saved(see_through(), "WEBP")
    yield "GIF", saved(picture(), "GIF")
    few = picture().quantize(16)
    some = int(np.asarray(few)[3, 3])
    for format in ("PNG", "GIF"):
        yield f"{format} with a transparent colour", saved(few, format, transparency=some)
    yield "PNG gray with a transparent one", saved(picture("L"), "PNG", transparency=100)
    colour = tuple(int(value) for value in scene()[3, 3])
    yield "PNG RGB with a transparent one", saved(picture(), "PNG", transparency=colour)
    for packing in (0, 1, 2):
        yield f"JPEG subsampling {packing}", saved(picture(), "JPEG", subsampling=packing)
    yield "JPEG progressive", saved(picture(), "JPEG", progressive=True)
    yield "JPEG gray", saved(picture("L"), "JPEG")
    yield "JPEG of RGB", saved(picture(), "JPEG", keep_rgb=True)
    cmyk = saved(picture("CMYK"), "JPEG", quality=95)
    adobe = cmyk.index(b"Adobe")
    yield "JPEG CMYK", cmyk
    yield "JPEG YCCK", cmyk[: adobe + 11] + b"\2" + cmyk[adobe + 12 :]
    yield "JPEG CMYK without Adobe's mark", cmyk[: adobe - 4] + cmyk[adobe + 12 :]
    yield "MPO", two_pictures("MPO")
    yield "WEBP", saved(picture(), "WEBP")
    yield "AVIF", saved(picture(), "AVIF")
    yield "AVIF gray", saved(picture("L"), "AVIF")
    yield "AVIF of video range", saved(picture(), "AVIF", range="limited")
    yield from bits()
    yield from bitmaps()


def bits() -> Iterator[tuple[str, bytes]]:
    """PNG of 1, 2, 4 and 16 bits."""
    yield "PNG gray of 2 bits", png([b"\x1b\x1b"], 8, depth=2, colour=0)
    yield "PNG gray of 4 bits", png([b"\x1b\x8f"], 4, depth=4, colour=0)
    values = np.arange(0, 65_536, 997).astype(">u2")[:64]
    yield "PNG gray of 16 bits", png([values.tobytes()], 64, depth=16, colour=0)
    yield "PNG gray of 12 in 16 bits", png([twelve_bits().tobytes()], 64, depth=16, colour=0)
    one = b"\0\1\x12\x34\x12\x35\xff\xff"
    hidden = chunk(b"tRNS", b"\x12\x34")
    yield "PNG gray of 16 bits, one transparent", png([one], 4, depth=16, colour=0, before=hidden)
    yield "PNG gray and alpha of 16 bits", png([values[:60].tobytes()], 30, depth=16, colour=4)
    yield "PNG RGB of 16 bits", png([values[:60].tobytes()], 20, depth=16, colour=2)
    yield "PNG RGBA of 16 bits", png([values[:60].tobytes()], 15, depth=16, colour=6)


def bitmaps() -> Iterator[tuple[str, bytes]]:
    """BMP of all kinds."""
    rng = np.random.default_rng(0)
    four = rng.integers(0, 256, (4, 8, 4), dtype=np.uint8)
    two = rng.integers(0, 65_536, (4, 8)).astype("<u2").tobytes()
    yield "BMP of 15 bits", bmp(8, 4, 16, 0, two)
    yield "BMP of 16 bits", bmp(8, 4, 16, 3, two, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))
    yield "BMP of 32 bits", bmp(8, 4, 32, 0, four.tobytes())
    yield "BMP top down", bmp(8, -4, 32, 0, four.tobytes())
    channels = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    yield "BMP with alpha", bmp(8, 4, 32, 3, four.tobytes(), more=channels)
    yield "BMP of version 4", bmp(8, 4, 32, 3, four.tobytes(), more=channels + b"BGRs" + bytes(48))
    palette = bytes(v for k in range(16) for v in (k * 16, 255 - k * 16, k * 3, 0))
    runs = b"\x04\x01\x04\x02\0\0" * 4 + b"\0\1"
    yield "BMP in runs", bmp(8, 4, 8, 1, runs, palette=palette)
    yield "BMP in runs of 4 bits", bmp(8, 4, 4, 2, b"\x08\x12\0\0" * 4 + b"\0\1", palette=palette)
    yield "BMP of 1 bit", bmp(8, 4, 1, 0, b"\xaa\0\0\0" * 4, palette=palette[:8])
    os2 = b"BM" + struct.pack("<IHHI", 26 + 96, 0, 0, 26) + struct.pack("<IHHHH", 12, 8, 4, 1, 24)
    yield "BMP of OS/2", os2 + four[..., :3].tobytes()


def colours() -> Iterator[tuple[str, bytes]]:
    """What a file says about its colours: profiles, gamma, primaries."""
    kinds: dict[str, Callable[[bytes], bytes]] = {
        "PNG": lambda icc: saved(picture(), "PNG", icc_profile=icc),
        "JPEG": lambda icc: saved(picture(), "JPEG", quality=95, icc_profile=icc),
        "WEBP": lambda icc: saved(picture(), "WEBP", lossless=True, icc_profile=icc),
        "AVIF": lambda icc: saved(
            picture(), "AVIF", quality=100, subsampling="4:4:4", icc_profile=icc
        ),
        "PNG gray": lambda icc: saved(picture("L"), "PNG", icc_profile=icc),
        "PNG gray and alpha": lambda icc: saved(picture("LA"), "PNG", icc_profile=icc),
        "PNG P": lambda icc: saved(picture().quantize(64), "PNG", icc_profile=icc),
        "PNG RGBA": lambda icc: saved(see_through(), "PNG", icc_profile=icc),
        "JPEG gray": lambda icc: saved(picture("L"), "JPEG", quality=95, icc_profile=icc),
        "JPEG CMYK": lambda icc: saved(picture("CMYK"), "JPEG", quality=95, icc_profile=icc),
    }
    profiles = {
        "wide": wide_profile(),
        "swapped": swapped_profile(),
        "gray": gray_profile(),
        "CMYK": cmyk_profile(),
        "cut": wide_profile()[:-30],
        "cut short": wide_profile()[:300],
        "junk": b"junk" * 40,
    }
    for (kind, save), (name, icc) in itertools.product(kinds.items(), profiles.items()):
        yield f"{kind}, profile: {name}", save(icc)
    srgb = chunk(b"sRGB", b"\0")
    for value in (0.01, 0.3, 0.4318, 0.4319, 0.45455, 0.4772, 0.4773, 0.55, 1.0, 2.0):
        yield f"PNG, gamma {value}", png_with(gamma(value))
    yield "PNG, gamma of nothing", png_with(gamma(0))
    yield "PNG, sRGB and gamma", png_with(srgb + gamma(1))
    yield "PNG, primaries only", png_with(chromaticities(*ADOBE_POINTS))
    yield "PNG, Adobe's primaries", png_with(gamma(0.45455) + chromaticities(*ADOBE_POINTS))
    yield "PNG, primaries of D50", png_with(gamma(0.45455) + chromaticities(*D50_POINTS))
    yield "PNG, no primaries", png_with(gamma(0.6) + chromaticities(*(0,) * 8))
    for code in ((1, 13), (12, 13), (9, 13), (1, 8), (1, 1), (9, 1), (2, 2), (5, 13), (6, 13)):
        yield f"PNG, coded {code}", png_with(chunk(b"cICP", bytes([*code, 0, 1])))
    avif = saved(picture(), "AVIF", quality=100, subsampling="4:4:4")
    at = avif.index(b"nclx") + 4
    for code in ((1, 13), (2, 2), (1, 1), (1, 6), (1, 8), (9, 13), (12, 13), (6, 6), (5, 13)):
        yield f"AVIF, coded {code}", avif[:at] + struct.pack(">HH", *code) + avif[at + 4 :]


def animations() -> Iterator[tuple[str, bytes]]:
    """Several pictures: the first one counts."""
    yield "GIF of two", two_pictures("GIF")
    yield "WEBP of two", two_pictures("WEBP", lossless=True)
    yield "PNG of two", two_pictures("PNG")
    yield "PNG of two with a hidden one", two_pictures("PNG", default_image=True)
    gif = bytearray(saved(picture().quantize(16), "GIF"))
    at = gif.index(b",\0\0\0\0")
    gif[6:10], gif[at + 1 : at + 5] = struct.pack("<HH", 50, 30), struct.pack("<HH", 3, 2)
    yield "GIF that does not fill its screen", bytes(gif)
    small = bytearray(saved(picture().quantize(16), "GIF"))
    small[6:10] = struct.pack("<HH", 20, 10)
    yield "GIF larger than its screen", bytes(small)


def densities() -> Iterator[tuple[str, bytes]]:
    """EXIF that makes a browser lay a picture out at another size, and EXIF that nearly does."""
    for dpi, width, height in ((144, 20, 12), (36, 80, 48), (72, 40, 24), (200, 20, 12)):
        first = [(0x11A, 5, 1, long(200)), (0x11B, 5, 1, long(200)), (0x128, 3, 1, short(2))]
        outer = tiff([*first, (0x8769, 4, 1, long(100))]).ljust(100, b"\0")
        inner = tiff([(0xA002, 4, 1, long(width)), (0xA003, 4, 1, long(height))])[8:]
        exif = (outer + inner).ljust(200, b"\0") + struct.pack("<II", dpi, 1)
        yield f"JPEG of {dpi} dpi", jpeg_with_exif(exif)
        yield f"PNG of {dpi} dpi", png_with(chunk(b"eXIf", exif))


def loose() -> dict[str, bytes]:
    """Pictures that chromium paints with other arithmetic than the decoder of AVIF."""
    return {
        "AVIF see-through": saved(see_through(), "AVIF", quality=100, subsampling="4:4:4"),
        "AVIF of two": two_pictures("AVIF", quality=100),
    }


def all_shown() -> dict[str, bytes]:
    """name -> bytes of every picture above."""
    parts = (orientations(), exifs(), modes(), colours(), animations(), densities())
    return dict(itertools.chain.from_iterable(parts))

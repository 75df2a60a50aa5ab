"""Small pictures of every format, mode and oddity, made byte by byte where Pillow cannot."""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
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


# Everything that chromium shows


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
    yield "MPO", saved(picture(), "MPO", save_all=True, append_images=[picture().rotate(180)])
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
    twelve = np.linspace(0, 4095, 64).astype(">u2")
    yield "PNG gray of 12 in 16 bits", png([twelve.tobytes()], 64, depth=16, colour=0)
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
    other = {"save_all": True, "append_images": [picture().rotate(180)]}
    yield "GIF of two", saved(picture(), "GIF", **other)
    yield "WEBP of two", saved(picture(), "WEBP", lossless=True, **other)
    yield "PNG of two", saved(picture(), "PNG", **other)
    yield "PNG of two with a hidden one", saved(picture(), "PNG", default_image=True, **other)
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
        "AVIF of two": saved(
            picture(), "AVIF", quality=100, save_all=True, append_images=[picture().rotate(180)]
        ),
    }


def all_shown() -> dict[str, bytes]:
    """name -> bytes of every picture above."""
    parts = (orientations(), exifs(), modes(), colours(), animations(), densities())
    return dict(itertools.chain.from_iterable(parts))

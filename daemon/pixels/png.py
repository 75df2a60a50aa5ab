"""The chunks of a PNG file that decide what is seen.

Pillow is handed the file without its other chunks: texts, however large or damaged, can stop
no picture. A chunk whose checksum is wrong counts as not there, as in the browser.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from daemon.pixels.exif import NONE, Exif, read_exif

_SIGNATURE = 8
_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_READ = (b"eXIf", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP")  # the first of each counts
_ANIMATION = b"acTL", b"fcTL"
_MOST_PROFILE = 32 * 2**20  # bytes of a colour profile


@dataclass(frozen=True, kw_only=True)
class Chunks:
    """content: the file without what is not needed. depth: bits of a sample. told: chunk by name.

    hidden: whether the first stored picture is no frame of the animation, so nobody sees it.
    """

    content: bytes
    depth: int
    exif: Exif
    hidden: bool
    see_through: bool
    told: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def icc(self) -> bytes | None:
        """The colour profile, unpacked; None where there is none that can be."""
        name, _, packed = self.told.get(b"iCCP", b"").partition(b"\0")
        if not packed or not name:
            return None
        try:
            return zlib.decompressobj().decompress(packed[1:], _MOST_PROFILE)
        except zlib.error:
            return None


def chunks(content: bytes) -> Chunks:
    """Take the file apart; what is cut off or damaged stays in `content` for the decoder."""
    parts: list[bytes] = [content[:_SIGNATURE]]
    told: dict[bytes, bytes] = {}
    animated = framed = seen_pixels = see_through = False
    end = kept = _SIGNATURE
    for name, begin, end in _chunks(content):
        if name in _NEEDED or not name[0] & 0x20:  # an unknown one that must be understood
            parts.append(content[begin:end])
            kept += end - begin
            seen_pixels = seen_pixels or name == b"IDAT"
            see_through = see_through or name == b"tRNS"
        elif name in _READ and not seen_pixels and name not in told:
            if _is_whole(content, begin, end):
                told[name] = content[begin + 8 : end - 4]
        elif name in _ANIMATION and not seen_pixels:
            animated, framed = animated or name == b"acTL", framed or name == b"fcTL"
    hidden = animated and not framed
    if kept == end:  # nothing was left out
        parts = [content]
    else:
        parts.append(content[end:])
    return Chunks(
        content=content if hidden else b"".join(parts),
        depth=content[24] if len(content) > 24 else 0,
        exif=read_exif(told[b"eXIf"]) if b"eXIf" in told else NONE,
        hidden=hidden,
        see_through=see_through,
        told=told,
    )


def _chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(name, begin, end) of each whole chunk, up to the last."""
    at = _SIGNATURE
    while at + 12 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        if end > len(content):
            return
        name = content[at + 4 : at + 8]
        yield name, at, end
        at = end
        if name == b"IEND":
            return


def _is_whole(content: bytes, begin: int, end: int) -> bool:
    return zlib.crc32(content[begin + 4 : end - 4]) == int.from_bytes(content[end - 4 : end], "big")

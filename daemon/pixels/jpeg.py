"""The segments of a JPEG file that decide what is seen.

Pillow is handed the file without its other segments: what a camera wrote there (EXIF of any
strangeness, the index of a multi-picture file, Photoshop's resources) can stop no picture.
"""

from __future__ import annotations

from dataclasses import dataclass

from daemon.pixels.exif import NONE, Exif, read_exif

_SCAN, _END = 0xDA, 0xD9
_APP1, _APP2, _APP13, _COMMENT = 0xE1, 0xE2, 0xED, 0xFE
_DROPPED = (_APP1, _APP2, _APP13, _COMMENT, *range(0xE3, 0xED), 0xEF)  # JFIF and Adobe stay
_ALONE = (0x01, *range(0xD0, 0xD9))  # markers without a length
_EXIF = b"Exif\0"
_ICC = b"ICC_PROFILE\0"


@dataclass(frozen=True, kw_only=True)
class Segments:
    """content: the file without what is not needed. icc: the colour profile, or None."""

    content: bytes
    exif: Exif
    icc: bytes | None


def segments(content: bytes) -> Segments:
    """Take the file apart up to its first scan; what follows is left as it is."""
    exif: Exif | None = None
    parts: list[bytes] = [content[:2]]
    profile: dict[int, bytes] = {}
    at = 2
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            break  # damaged: the decoder says so
        marker = content[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        end = at + 2 + length
        if marker in (_SCAN, _END) or length < 2 or end > len(content):
            break
        body = content[at + 4 : end] if marker in (_APP1, _APP2) else b""
        if marker == _APP1 and exif is None and body.startswith(_EXIF) and len(body) > 6:
            exif = read_exif(body[6:])
        if marker == _APP2 and body.startswith(_ICC) and len(body) > 14:
            profile[body[12]] = body[14:]
        if marker not in _DROPPED:
            parts.append(content[at:end])
        at = end
    parts.append(content[at:])
    icc = b"".join(profile[number] for number in sorted(profile)) or None
    return Segments(content=b"".join(parts), exif=exif or NONE, icc=icc)

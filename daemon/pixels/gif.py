"""Where the first picture of a GIF lies on its screen: around it, a browser shows nothing."""

from __future__ import annotations

Box = tuple[int, int, int, int]  # top, bottom, left, right

_IMAGE, _EXTENSION = 0x2C, 0x21


def first_box(content: bytes) -> Box | None:
    """(top, bottom, left, right) of the first picture, pixels; None where it cannot be found."""
    at = 13 + _palette_bytes(content[10:11])
    while at < len(content):
        if content[at] == _IMAGE and at + 10 <= len(content):
            left, top, width, height = (
                int.from_bytes(content[at + n : at + n + 2], "little") for n in (1, 3, 5, 7)
            )
            return top, top + height, left, left + width
        if content[at] == _EXTENSION:
            at += 2
            while at < len(content) and content[at]:
                at += 1 + content[at]
        at += 1
    return None


def _palette_bytes(flags: bytes) -> int:
    return 3 * 2 ** ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0

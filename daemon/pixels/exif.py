"""Orientation and size out of EXIF, as chromium reads it. Measured: tests/browser/test_pixels.py.

Nothing in here raises: what is damaged says nothing, as in the browser.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_ORIENTATION, _EXIF_FOLDER = 0x0112, 0x8769
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_WIDTH, _HEIGHT = 0xA002, 0xA003
_SHORT, _LONG, _RATIONAL = 3, 4, 5
_INCH = 2
_CSS_DPI = 72.0  # what chromium takes for the usual resolution of a photograph


@dataclass(frozen=True, kw_only=True)
class Exif:
    """What of EXIF changes what people see.

    orientation: 1 to 8; 1 where nothing sensible is said. shown_px: (width, height) that a
    browser lays the stored picture out at, where EXIF asks for another size, else None.
    """

    orientation: int = 1
    resolution: tuple[float, float] = (0.0, 0.0)
    inches: bool = False
    said_px: tuple[int, int] = (0, 0)

    def shown_px(self, width_px: int, height_px: int) -> tuple[int, int] | None:
        """(width, height) of the layout, before it is turned; None: as it is stored."""
        across, down = self.resolution
        if not (self.inches and across > 0 and down > 0 and all(self.said_px)):
            return None
        wanted = (width_px * _CSS_DPI / across, height_px * _CSS_DPI / down)
        as_said = all(abs(a - b) < 1 for a, b in zip(wanted, self.said_px, strict=True))
        return self.said_px if as_said and self.said_px != (width_px, height_px) else None


NONE = Exif()


def read_exif(tiff: bytes) -> Exif:
    """EXIF that begins with its TIFF header ("II*" or "MM*"), without the word Exif before it."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return NONE
    found: int | None = None  # the first that means something counts
    said: dict[int, int] = {}
    resolution: dict[int, float] = {}
    inches = False
    for tag, kind, count, value in _entries(tiff, order):
        if count != 1:
            continue
        if kind == _SHORT:
            number = struct.unpack(f"{order}H", value[:2])[0]
            if tag == _ORIENTATION and found is None and number in range(1, 9):
                found = number
            inches = inches or (tag == _RESOLUTION_UNIT and number == _INCH)
            said.setdefault(tag, number)
        elif kind == _LONG:
            said.setdefault(tag, struct.unpack(f"{order}I", value)[0])
        elif kind == _RATIONAL and tag in (_X_RESOLUTION, _Y_RESOLUTION):
            resolution[tag] = _rational(tiff, order, value)
    return Exif(
        orientation=found or 1,
        resolution=(resolution.get(_X_RESOLUTION, 0.0), resolution.get(_Y_RESOLUTION, 0.0)),
        inches=inches,
        said_px=(said.get(_WIDTH, 0), said.get(_HEIGHT, 0)),
    )


def _entries(
    tiff: bytes, order: str, at: int | None = None
) -> Iterator[tuple[int, int, int, bytes]]:
    """(tag, type, count, value) of the first folder, in order; its Exif folder where it stands."""
    outer = at is None
    if at is None:
        at = struct.unpack(f"{order}I", tiff[4:8])[0]
    if at + 2 > len(tiff):
        return
    for row in range(struct.unpack(f"{order}H", tiff[at : at + 2])[0]):
        begin = at + 2 + 12 * row
        if begin + 12 > len(tiff):
            return
        tag, kind, count = struct.unpack(f"{order}HHI", tiff[begin : begin + 8])
        value = tiff[begin + 8 : begin + 12]
        if tag == _EXIF_FOLDER and outer:
            if kind == _LONG and count == 1:
                yield from _entries(tiff, order, struct.unpack(f"{order}I", value)[0])
        else:
            yield tag, kind, count, value


def _rational(tiff: bytes, order: str, value: bytes) -> float:
    at = struct.unpack(f"{order}I", value)[0]
    if at + 8 > len(tiff):
        return 0.0
    above, below = struct.unpack(f"{order}II", tiff[at : at + 8])
    return above / below if below else 0.0

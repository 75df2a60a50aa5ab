"""Which kind of picture some bytes are: decided by the bytes, never by a suffix."""

from __future__ import annotations

import enum

START_BYTES = 64  # of a file, enough to tell its kind


class Kind(enum.StrEnum):
    """The kinds that are read; the value is the name that Pillow knows it by."""

    PNG = "PNG"
    JPEG = "JPEG"  # MPO too: its first picture
    WEBP = "WEBP"
    GIF = "GIF"
    BMP = "BMP"
    AVIF = "AVIF"
    TIFF = "TIFF"

    @property
    def suffix(self) -> str:
        """The usual ending of its files, with the dot."""
        return {"JPEG": ".jpg", "TIFF": ".tif"}.get(self.value, f".{self.value.lower()}")

    @property
    def shown_in_browser(self) -> bool:
        """Whether chromium, so an annotator's page, shows it."""
        return self is not Kind.TIFF


_STARTS = (
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"GIF87a", Kind.GIF),
    (b"GIF89a", Kind.GIF),
    (b"II*\0", Kind.TIFF),
    (b"MM\0*", Kind.TIFF),
    (b"II+\0", Kind.TIFF),  # BigTIFF
    (b"MM\0+", Kind.TIFF),
)
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # bytes of the header that follows "BM"


def kind_of(start: bytes) -> Kind | None:
    """The kind of a picture that begins with `start` (START_BYTES of it or more), or None."""
    for magic, kind in _STARTS:
        if start.startswith(magic):
            return kind
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return Kind.WEBP
    if start[:2] == b"BM" and int.from_bytes(start[14:18], "little") in _BMP_HEADERS:
        return Kind.BMP
    if start[4:8] == b"ftyp" and _is_avif(start):
        return Kind.AVIF
    return None


def _is_avif(start: bytes) -> bool:
    """Whether the major or a compatible brand of the file type box is AVIF's."""
    end = min(len(start), int.from_bytes(start[:4], "big"))
    brands = {start[at : at + 4] for at in (8, *range(16, end - 3, 4))}
    return bool(brands & {b"avif", b"avis"})


def looks_like(start: bytes, size: int) -> str:
    """What bytes of no picture that is read seem to be, in words. size: of the file, bytes."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page, perhaps one that asks to sign in,"
    if text.startswith(b"<svg") or (text.startswith(b"<?xml") and b"<svg" in text):
        return "an SVG drawing"
    if text.startswith((b"<?xml", b"<error")):
        return "XML, perhaps an error of a storage,"
    if start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"heim"):
        return "HEIC, which browsers do not show,"
    if start.startswith((b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")):
        return "JPEG 2000, which browsers do not show,"
    if start.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL ")):
        return "JPEG XL"
    if start.startswith(b"\0\0\1\0"):
        return "an icon file"
    return f"{size} bytes that start with {start[:8].hex(' ') or 'nothing'}"

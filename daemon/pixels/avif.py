"""The colour box of an AVIF file, which the decoder does not apply."""

from __future__ import annotations

_BOX = b"colrnclx"
_HEAD_BYTES = 256 * 2**10  # the boxes stand before the pixels


def coded_colour(content: bytes) -> tuple[int, int] | None:
    """(primaries, transfer) by their numbers in ITU-T H.273; None where the file says nothing."""
    at = content.find(_BOX, 0, _HEAD_BYTES)
    if at < 0 or at + 12 > len(content):
        return None
    at += len(_BOX)
    return int.from_bytes(content[at : at + 2], "big"), int.from_bytes(
        content[at + 2 : at + 4], "big"
    )

"""COCO's run lengths, uncompressed and compressed, by hand: no compiled package is needed.

Runs go down the columns, the first one is outside. The compressed text holds each run as groups of
5 bits, lowest first, in characters from "0" on; bit 6 says that more follow, and from the fourth
run on the text holds the difference to the run two before. The same bytes as pycocotools writes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from daemon.domain.formatting import short_repr

Inside = npt.NDArray[np.bool_]
MOST_CHARS = 2**26
_ZERO, _MORE, _SIGN, _BITS = 48, 0x20, 0x10, 5
_MOST_GROUPS = 7  # of a run: 35 bits


def encode(inside: Inside) -> list[int]:
    """(height_px, width_px) -> run lengths, the first one outside."""
    flat = inside.ravel(order="F")
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    runs = [int(run) for run in np.diff(ends, prepend=0)]
    return [0, *runs] if flat.size and flat[0] else runs


def decode(runs: object, size: tuple[int, int]) -> Inside:
    """Run lengths -> (height_px, width_px). Raises ValueError where they do not fill it."""
    if not isinstance(runs, list) or not all(
        isinstance(run, int) and not isinstance(run, bool) and 0 <= run <= size[0] * size[1]
        for run in runs
    ):
        raise ValueError(f"{short_repr(runs)} is no list of run lengths of {size[1]}x{size[0]}")
    return _filled(np.array(runs, np.int64), size)


def compress(runs: list[int]) -> str:
    """Run lengths as the text that COCO writes."""
    characters = []
    for at, run in enumerate(runs):
        rest = run - runs[at - 2] if at > 2 else run
        more = True
        while more:
            group = rest & 0x1F
            rest >>= _BITS
            more = rest != (-1 if group & _SIGN else 0)
            characters.append(chr(_ZERO + (group | _MORE if more else group)))
    return "".join(characters)


def decompress(text: str, size: tuple[int, int]) -> Inside:
    """The text that COCO writes -> (height_px, width_px). Raises ValueError."""
    if len(text) > MOST_CHARS or not text.isascii():
        raise ValueError(f"a run-length text of {len(text)} characters; at most {MOST_CHARS}")
    codes = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - _ZERO
    if codes.size == 0:
        return _filled(codes, size)
    if codes.min() < 0 or codes.max() >= 2 * _MORE or codes[-1] & _MORE:
        raise ValueError("a run-length text that is cut off, or holds other characters")
    runs = _differences(codes)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return _filled(runs, size)


def bounding_box(inside: Inside) -> list[int]:
    """[left, top, width, height] in pixels, of a mask that is not empty."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]


def _differences(codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The number in each group of characters, with its sign."""
    is_last = codes & _MORE == 0
    starts = np.flatnonzero(np.append(True, is_last[:-1]))
    lengths = np.diff(np.append(starts, codes.size))
    if lengths.max() > _MOST_GROUPS:
        raise ValueError("a run-length text with a number of more than 35 bits")
    within = np.arange(codes.size) - np.repeat(starts, lengths)
    numbers = np.add.reduceat((codes & 0x1F) << (_BITS * within), starts)
    negative = codes[is_last] & _SIGN != 0
    return np.asarray(numbers - np.where(negative, 1 << (_BITS * lengths), 0), np.int64)


def _filled(runs: npt.NDArray[np.int64], size: tuple[int, int]) -> Inside:
    height_px, width_px = size
    total = height_px * width_px
    if runs.size and not (runs.min() >= 0 and runs.max() <= total):
        raise ValueError(f"run lengths from {runs.min()} to {runs.max()}; expected 0 to {total}")
    if int(runs.sum()) != total:
        raise ValueError(f"run lengths that add up to {runs.sum()}; expected {total}")
    flat = np.repeat(np.arange(runs.size) % 2 == 1, runs)
    return flat.reshape((height_px, width_px), order="F")

"""Pictures that occur twice with different labels, across file names and formats."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from daemon.domain import IGNORE, Mask

SIDE = 32  # of the small picture that near-duplicates are compared by
HASH_BITS = 4  # by which the hashes of near-duplicates differ at most
CORRELATION = 0.98  # of the small pictures of near-duplicates, at least
Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """How a picture looks. digest: sha256 of its pixels and size. bits: 64 signs of differences
    between neighbouring cells. small: (SIDE, SIDE), normalised."""

    digest: str
    bits: int
    small: npt.NDArray[np.float32]


def fingerprint(picture: Picture) -> Fingerprint:
    """Of an RGB picture (H, W, 3)."""
    digest = hashlib.sha256(repr(picture.shape).encode())
    digest.update(np.ascontiguousarray(picture).tobytes())
    grey = picture.mean(axis=2, dtype=np.float32)
    cells = _resized(grey, 8, 9)
    signs = (cells[:, 1:] > cells[:, :-1]).ravel()
    small = _resized(grey, SIDE, SIDE)
    small = (small - small.mean()) / max(float(small.std()), 1e-6)
    bits = int("".join("1" if sign else "0" for sign in signs), 2)
    return Fingerprint(digest=digest.hexdigest(), bits=bits, small=small.astype(np.float32))


def identical_pairs(found: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    """Pairs of numbers of pictures with the same pixels: each with the first of its group."""
    first: dict[str, int] = {}
    for number, one in enumerate(found):
        original = first.setdefault(one.digest, number)
        if original != number:
            yield original, number


def near_pairs(found: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    """Pairs that look alike but are not identical; every picture is compared with all others."""
    bits = np.asarray([one.bits for one in found], np.uint64)
    for number in range(1, len(found)):
        differing = np.bitwise_count(bits[:number] ^ bits[number])
        for other in np.flatnonzero(differing <= HASH_BITS):
            one, two = found[int(other)], found[number]
            alike = float((one.small * two.small).mean()) > CORRELATION
            if alike and one.digest != two.digest:
                yield int(other), number


def agreement(one: Mask, other: Mask, classes: Sequence[str]) -> dict[str, float]:
    """Class -> IoU of two labels (H, W) of one picture, of the classes that either has; pixels that
    either leaves out do not count."""
    valid = (one != IGNORE) & (other != IGNORE)
    found = {}
    for value, name in enumerate(classes):
        first, second = (one == value) & valid, (other == value) & valid
        union = int((first | second).sum())
        if union:
            found[name] = float((first & second).sum() / union)
    return found


def _resized(grey: npt.NDArray[np.float32], height: int, width: int) -> npt.NDArray[np.float32]:
    """Means of equal cells, bilinear in between."""
    factors = (height / grey.shape[0], width / grey.shape[1])
    smooth = ndimage.uniform_filter(grey, size=[max(1, round(1 / factor)) for factor in factors])
    rows = ((np.arange(height) + 0.5) / factors[0]).astype(int).clip(0, grey.shape[0] - 1)
    columns = ((np.arange(width) + 0.5) / factors[1]).astype(int).clip(0, grey.shape[1] - 1)
    found: npt.NDArray[np.float32] = smooth[np.ix_(rows, columns)]
    return found

"""Pictures that occur twice with different labels, across file names and formats."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, Mask

Picture = npt.NDArray[np.uint8]


def digest_of(picture: Picture) -> str:
    """sha256 of the pixels and the size of an RGB picture (H, W, 3): 64 hex digits."""
    found = hashlib.sha256(repr(picture.shape).encode())
    found.update(np.ascontiguousarray(picture).tobytes())
    return found.hexdigest()


def identical_pairs(digests: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of numbers of pictures with the same pixels: each with the first of its group."""
    first: dict[str, int] = {}
    for number, digest in enumerate(digests):
        original = first.setdefault(digest, number)
        if original != number:
            yield original, number


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

"""The regions of one class as closed outlines, for formats whose polygons have no holes. Pure.

A hole is joined to the outline around it by a cut: there and back along the same pixels, straight
up from the top of the hole, over pixels of the region. Filled by the even-odd rule with the outline
belonging to the object, as OpenCV's fillPoly does it, an outline holds exactly its region.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

Inside = npt.NDArray[np.bool_]
Corners = npt.NDArray[np.int64]  # (N, 2) x, y: pixels
_NEXT, _FIRST_CHILD, _PARENT = 0, 2, 3  # columns of OpenCV's hierarchy


def outlines(inside: Inside) -> Iterator[Corners]:
    """The outline of each 8-connected region of `inside`, (H, W), three corners or more.

    A region of one or two pixels repeats a corner.
    """
    flags = inside.astype(np.uint8)
    found, hierarchy = cv2.findContours(flags, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if hierarchy is None:
        return
    rings = [ring.reshape(-1, 2).astype(np.int64) for ring in found]
    links = hierarchy[0]
    for at, ring in enumerate(rings):
        if links[at][_PARENT] < 0:
            holes = [rings[hole] for hole in _children(links, at)]
            yield _three_or_more(_turns(_joined(ring, holes, inside) if holes else ring))


def _children(links: npt.NDArray[np.int32], at: int) -> Iterator[int]:
    child = int(links[at][_FIRST_CHILD])
    while child >= 0:
        yield child
        child = int(links[child][_NEXT])


@dataclass(kw_only=True)
class _Ring:
    """A ring on the pixels of a region, and the rings that hang on it: position -> ring. start:
    where its own cut ends."""

    corners: Corners
    start: int
    hanging: dict[int, list[_Ring]] = field(default_factory=dict)


def _joined(outer: Corners, holes: Sequence[Corners], inside: Inside) -> Corners:
    """One ring of the outer one and all holes of a region.

    The highest hole comes first: what lies above the top of a hole is the outside, or a hole that
    begins higher. So every cut ends on a ring that has its place already.
    """
    root = _Ring(corners=outer, start=0)
    places = {tuple(pixel): (root, at) for at, pixel in enumerate(outer.tolist())}
    for corners in sorted(holes, key=lambda ring: int(ring[:, 1].min())):
        start = int(corners[:, 1].argmin())
        ring = _Ring(corners=corners, start=start)
        column, row = map(int, corners[start])
        while row > 0 and inside[row - 1, column]:
            row -= 1
        holder, at = places[column, row]
        holder.hanging.setdefault(at, []).append(ring)
        for at, pixel in enumerate(corners.tolist()):
            places.setdefault(tuple(pixel), (ring, at))
    return np.array(list(_walk(root)), np.int64)


def _walk(root: _Ring) -> Iterator[Sequence[int]]:
    """The pixels on the way around a ring and all that hang on it, back at its first one.

    A stack, since rings may hang on rings ten thousand deep.
    """
    stack = [_steps(root)]
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
        elif isinstance(step, _Ring):
            stack.append(_steps(step))
        else:
            yield step


def _steps(ring: _Ring) -> Iterator[Sequence[int] | _Ring]:
    pixels, number = ring.corners.tolist(), len(ring.corners)
    for step in range(number + 1):
        at = (ring.start + step) % number
        yield pixels[at]
        if step < number:
            for one in ring.hanging.get(at, ()):
                yield one
                yield pixels[at]


def _turns(ring: Corners) -> Corners:
    """The corners where a ring turns; steps go along rows, columns or diagonals."""
    ring = ring[np.any(ring != np.roll(ring, 1, axis=0), axis=1)] if len(ring) > 1 else ring
    if len(ring) < 3:
        return ring
    ahead = np.sign(np.roll(ring, -1, axis=0) - ring)
    return ring[np.any(ahead != np.roll(ahead, 1, axis=0), axis=1)]


def _three_or_more(ring: Corners) -> Corners:
    return np.concatenate([ring, np.repeat(ring[-1:], max(0, 3 - len(ring)), axis=0)])

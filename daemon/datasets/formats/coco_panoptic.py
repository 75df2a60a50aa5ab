"""COCO panoptic: a PNG beside the JSON file whose colours are the numbers of segments.

red + 256 green + 65536 blue is the id of a segment; 0 belongs to none: nobody says what is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.datasets.samples import LabelsUnusable
from daemon.datasets.source_tree import Tree, stem_of
from daemon.domain.errors import ImageRefused
from daemon.domain.formatting import short_repr
from daemon.pixels.headers import MOST_PIXELS
from daemon.pixels.reader import read_picture

Ids = npt.NDArray[np.int32]  # (H, W)
Inside = npt.NDArray[np.bool_]  # (H, W)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A segment of a panoptic PNG. file: its path in the tree; None: there is none."""

    file: str | None
    id: object


def panoptic_file(tree: Tree, name: str, named: object) -> str | None:
    """The PNG of an annotation: in the folder called like the JSON file `name`, else anywhere."""
    if not isinstance(named, str):
        return None
    beside = f"{stem_of(name)}/{named}"
    near = "/".join(part for part in (name.rpartition("/")[0], named) if part)
    for path in (beside, near):
        if path in tree.kinds:
            return path
    return tree.picture_like(named)


class SegmentIds:
    """The PNGs of one image, each read once."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._read: dict[str, Ids] = {}

    def of(self, segment: Segment, where: str) -> Ids:
        """The ids of all segments of its PNG. Raises LabelsUnusable."""
        if segment.file is None:
            raise LabelsUnusable(where, "no such PNG", "the PNG of its file_name", "add it")
        if segment.file not in self._read:
            self._read[segment.file] = self._ids(segment.file)
        return self._read[segment.file]

    def _ids(self, file: str) -> Ids:
        try:
            picture = read_picture(self._tree.path(file), where=file, max_pixels=MOST_PIXELS)
        except ImageRefused as exc:
            raise LabelsUnusable(file, exc.got, "a PNG of segments", exc.cure) from exc
        red, green, blue = np.moveaxis(picture.astype(np.int32), -1, 0)
        found: Ids = red + 256 * green + 65_536 * blue
        return found

    def inside(self, segment: Segment, size: tuple[int, int], where: str) -> Inside:
        """The pixels of a segment, (height_px, width_px). Raises LabelsUnusable, ValueError."""
        ids = self.of(segment, where)
        if ids.shape != size:
            raise ValueError(f"a PNG of {ids.shape[1]}x{ids.shape[0]}, not {size[1]}x{size[0]}")
        found: Inside = ids == (segment.id if isinstance(segment.id, int) else -1)
        if not found.any():
            raise ValueError(f"the segment id {short_repr(segment.id)}, which no pixel has")
        return found

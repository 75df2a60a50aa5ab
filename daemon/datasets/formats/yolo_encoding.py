"""A mask as lines of YOLO segmentation: each 8-connected region of a class is a polygon.

The corners are the middles of pixels, in shares of width and height: cut to whole pixels, as
Ultralytics does it, they are the same pixels again, at any size of an image. Holes are joined to
their outline (`bridged_outlines`). YOLO has no pixels without a label: they become objects of a
class of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import yaml

from daemon.datasets.formats.bridged_outlines import Corners, outlines
from daemon.domain import Mask
from daemon.pixels.masks import values_of


def lines(mask: Mask, indices: Mapping[int, int]) -> Iterator[str]:
    """A line for each region of a mask, (H, W).

    indices: pixel value -> index of its class, of the values that become objects; raises KeyError
    for another one, except 0.
    """
    height_px, width_px = mask.shape
    for value in values_of(mask):
        if value == 0:
            continue
        index = indices[value]
        for corners in outlines(mask == value):
            yield f"{index} {_shares(corners, width_px, height_px)}"


def _shares(corners: Corners, width_px: int, height_px: int) -> str:
    shares = (corners + 0.5) / np.array([width_px, height_px])
    return " ".join(f"{share:.6f}" for share in shares.ravel().tolist())


def data_yaml(names: Sequence[str], splits: Mapping[str, str]) -> str:
    """data.yaml. names: by index. splits: train, val, test -> folder of its images.

    Its task tells polygons of four corners from turned boxes, for `maskloop import`.
    """
    content = {"path": ".", "task": "segment", **splits, "names": dict(enumerate(names))}
    text: str = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    return text

"""A mask as annotations of COCO: one object a class, in compressed run lengths.

COCO has no pixels without a label; a crowd region of the first category comes nearest: tools leave
it out of what they measure, and `maskloop import` gives its pixels no label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from daemon.domain import IGNORE, Mask
from daemon.pixels import coco_rle
from daemon.pixels.masks import values_of


def categories(classes: Sequence[str]) -> list[dict[str, Any]]:
    """The categories; their ids are the pixel values. The class 0 is what no object covers."""
    return [{"id": value, "name": name} for value, name in enumerate(classes) if value > 0]


def objects(mask: Mask, image_id: int) -> Iterator[dict[str, Any]]:
    """The annotations of a mask, (H, W), without their ids; the later one of two never lies on the
    other."""
    for value in values_of(mask):
        if value == 0:
            continue
        inside = mask == value
        is_crowd = value == IGNORE
        yield {
            "image_id": image_id,
            "category_id": 1 if is_crowd else value,
            "iscrowd": int(is_crowd),
            "area": int(np.count_nonzero(inside)),
            "bbox": coco_rle.bounding_box(inside),
            "segmentation": {
                "size": list(mask.shape),
                "counts": coco_rle.compress(coco_rle.encode(inside)),
            },
        }

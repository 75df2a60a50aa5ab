"""A mask as an item of Datumaro: one mask a class, in compressed run lengths.

Datumaro has no pixels without a label: they become masks of a label of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from daemon.domain import Mask
from daemon.pixels import coco_rle
from daemon.pixels.masks import values_of

HEAD: Mapping[str, Any] = {"dm_format_version": "1.0", "media_type": 2, "infos": {}}  # 2: images


def categories(labels: Sequence[str]) -> dict[str, Any]:
    """The categories; the id of a label is its position."""
    listed = [{"name": name, "parent": "", "attributes": []} for name in labels]
    return {"label": {"label_groups": [], "labels": listed, "attributes": []}}


def item(name: str, file: str, mask: Mask, ids: Mapping[int, int]) -> dict[str, Any]:
    """An image, (H, W), with its masks.

    ids: pixel value -> id of its label, of the values that become masks; raises KeyError for
    another one, except 0.
    """
    annotations = [
        {
            "id": number,
            "type": "mask",
            "attributes": {},
            "group": 0,
            "label_id": ids[value],
            "rle": {
                "counts": coco_rle.compress(coco_rle.encode(mask == value)),
                "size": list(mask.shape),
            },
            "z_order": 0,
        }
        for number, value in enumerate(values_of(mask))
        if value > 0
    ]
    image = {"path": file, "size": list(mask.shape)}
    return {"id": name, "annotations": annotations, "attr": {}, "image": image}

"""Small data sets as other tools write them: one writer a format, from the same masks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from daemon.datasets.formats import coco_rle

Mask = npt.NDArray[np.uint8]
# Masks of the classes 0, 1, 2: holes, touching objects, single pixels, lines.
MASKS = hnp.arrays(
    np.uint8,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=16),
    elements=st.sampled_from([0, 0, 1, 1, 2]),
)


def ring() -> Mask:
    """A frame of class 1 with a hole, an island of class 2 in it, and one pixel beside."""
    mask = np.zeros((24, 30), np.uint8)
    mask[4:20, 4:20] = 1
    mask[8:16, 8:16] = 0
    mask[11:13, 11:13] = 2
    mask[2, 25] = 2
    return mask


def picture(path: Path, size: tuple[int, int], seed: int = 0) -> Path:
    """A picture of noise, (height_px, width_px), in the format of its ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def mask_png(path: Path, mask: npt.NDArray[Any], palette: list[int] | None = None) -> Path:
    """A mask as PNG, with a palette or without."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(mask)
    if palette:
        image = image.convert("P")
        image.putdata(mask.ravel().tolist())
        image.putpalette(palette)
    image.save(path)
    return path


def write_json(path: Path, content: Any) -> Path:
    """A file of JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def runs_of_edges(inside: npt.NDArray[np.bool_]) -> list[list[float]]:
    """A mask as COCO polygons: one rectangle for each run of a row, with corners on pixel edges."""
    rings = []
    for row, line in enumerate(inside):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
        for left, right in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            rings.append([left, row, right, row, right, row + 1, left, row + 1])
    return rings


def coco_entries(mask: Mask, image: int, form: str) -> list[dict[str, Any]]:
    """An annotation for each class of a mask. form: polygons, runs or text."""
    entries = []
    for value in np.unique(mask[mask > 0]).tolist():
        inside = mask == value
        runs = coco_rle.encode(inside)
        counts: Any = coco_rle.compress(runs) if form == "text" else runs
        outline: Any = {"size": list(mask.shape), "counts": counts}
        entries.append(
            {
                "id": image * 10 + value,
                "image_id": image,
                "category_id": value * 7,
                "iscrowd": 0,
                "segmentation": runs_of_edges(inside) if form == "polygons" else outline,
            }
        )
    return entries


def coco(root: Path, masks: Mapping[str, Mask], form: str = "text", name: str = "coco") -> Path:
    """COCO: images/NAME.png and annotations/FILE.json; the classes are crop and weed."""
    images, annotations = [], []
    for number, (stem, mask) in enumerate(masks.items()):
        picture(root / f"images/{stem}.png", mask.shape, number)
        height, width = mask.shape
        entry = {"id": number, "file_name": f"{stem}.png", "height": height, "width": width}
        images.append(entry)
        annotations += coco_entries(mask, number, form)
    categories = [{"id": 7, "name": "crop"}, {"id": 14, "name": "weed"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    return write_json(root / f"annotations/{name}.json", content)

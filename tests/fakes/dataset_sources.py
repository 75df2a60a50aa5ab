"""Small data sets as other tools write them: one writer a format, from the same masks."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
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


def supervisely_bitmap(inside: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """The pixels of an object as the SDK packs them: the smallest patch, a palette PNG, zlib."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    patch = Image.fromarray(inside[top : rows[-1] + 1, left : columns[-1] + 1].astype(np.uint8))
    patch.putpalette([0, 0, 0, 255, 255, 255])
    stream = io.BytesIO()
    patch.save(stream, "PNG", transparency=0)
    packed = base64.b64encode(zlib.compress(stream.getvalue())).decode()
    return {"geometryType": "bitmap", "bitmap": {"data": packed, "origin": [left, top]}}


def supervisely_polygons(inside: npt.NDArray[np.bool_]) -> Iterator[dict[str, Any]]:
    """Each 8-connected object as its outline and the outlines of its holes, outermost first."""
    number, objects = cv2.connectedComponents(inside.astype(np.uint8), connectivity=8)
    shapes = []
    for value in range(1, number):
        one = (objects == value).astype(np.uint8)
        outline = _outlines(one)[0]
        filled = cv2.fillPoly(np.zeros_like(one), [outline], 1)
        holes = _outlines(((filled > 0) & (one == 0)).astype(np.uint8), connectivity=4)
        shapes.append((int(filled.sum()), outline, holes))
    for _, outline, holes in sorted(shapes, key=lambda one: -one[0]):
        yield {
            "geometryType": "polygon",
            "points": {
                "exterior": outline.reshape(-1, 2).tolist(),
                "interior": [hole.reshape(-1, 2).tolist() for hole in holes],
            },
        }


def _outlines(inside: npt.NDArray[np.uint8], connectivity: int = 8) -> list[Any]:
    """The outer outline of each object, twice round where it has fewer than three points."""
    number, objects = cv2.connectedComponents(inside, connectivity=connectivity)
    found = []
    for value in range(1, number):
        one = (objects == value).astype(np.uint8)
        outline = cv2.findContours(one, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0]
        found.append(np.concatenate([outline] * (3 if len(outline) < 3 else 1)))
    return found


def supervisely_objects(mask: Mask, form: str) -> list[dict[str, Any]]:
    """The objects of an annotation. form: bitmap or polygon; the classes are crop and weed."""
    found = []
    for value, title in ((1, "crop"), (2, "weed")):
        inside = mask == value
        if not inside.any():
            continue
        shapes = [supervisely_bitmap(inside)] if form == "bitmap" else supervisely_polygons(inside)
        found += [{"classTitle": title, "tags": [], **shape} for shape in shapes]
    return found


def supervisely_annotation(mask: Mask, objects: list[dict[str, Any]]) -> dict[str, Any]:
    """The content of an annotation file."""
    height, width = mask.shape
    return {"tags": [], "size": {"height": height, "width": width}, "objects": objects}


def supervisely(
    root: Path, datasets: Mapping[str, Mapping[str, Mask]], form: str = "bitmap"
) -> Path:
    """A project of several datasets; names of images come with their ending."""
    classes = [{"title": title, "shape": form} for title in ("crop", "weed")]
    meta = {"classes": classes, "tags": [], "projectType": "images"}
    for dataset, masks in datasets.items():
        for number, (name, mask) in enumerate(masks.items()):
            picture(root / dataset / "img" / name, mask.shape, number)
            annotation = supervisely_annotation(mask, supervisely_objects(mask, form))
            write_json(root / dataset / "ann" / f"{name}.json", annotation)
    return write_json(root / "meta.json", meta)


def label_studio(root: Path, results: Mapping[str, list[Any] | None], name: str = "export") -> Path:
    """A JSON export. results: name of the image file -> regions of its annotation; None: none."""
    tasks = []
    for number, (file, result) in enumerate(results.items(), start=1):
        picture(root / f"images/{file}", (24, 30), number)
        annotations = [] if result is None else [{"id": number, "result": result}]
        address = f"/data/local-files/?d=field/{file}"
        tasks.append({"id": number, "data": {"image": address}, "annotations": annotations})
    return write_json(root / f"{name}.json", tasks)

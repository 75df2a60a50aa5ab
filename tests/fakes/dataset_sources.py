"""Small data sets as other tools write them: one writer a format, from the same masks."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from daemon.pixels import coco_rle

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


def cvat_shapes(mask: Mask, form: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The shapes of a mask. form: mask (a run-length code of its box) or polygon (one a run)."""
    for value, label in ((1, "crop"), (2, "weed")):
        inside = mask == value
        if not inside.any():
            continue
        if form == "mask":
            rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
            patch = inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            runs = ", ".join(map(str, coco_rle.encode(patch.T)))
            box = {"left": columns[0], "top": rows[0], "width": patch.shape[1]}
            sides = {name: str(number) for name, number in box.items()}
            yield "mask", {"label": label, "rle": runs, "height": str(len(patch)), **sides}
            continue
        for corners in runs_of_edges(inside):
            pairs = zip(corners[::2], corners[1::2], strict=True)
            points = ";".join(f"{x:.2f},{y:.2f}" for x, y in pairs)
            yield "polygon", {"label": label, "points": points, "z_order": "0"}


def cvat_xml(images: Iterable[tuple[dict[str, str], Iterable[tuple[str, dict[str, str]]]]]) -> str:
    """annotations.xml of images with shapes, each as its attributes; the labels are crop, weed."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    labels = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "labels")
    for name in ("crop", "weed"):
        label = ElementTree.SubElement(labels, "label")
        ElementTree.SubElement(label, "name").text = name
    for attributes, shapes in images:
        image = ElementTree.SubElement(root, "image", attributes)
        for kind, values in shapes:
            ElementTree.SubElement(image, kind, {"source": "manual", **values})
    return ElementTree.tostring(root, encoding="unicode")


def cvat(root: Path, masks: Mapping[str, Mask], form: str = "mask", subset: str = "") -> Path:
    """CVAT for images 1.1: annotations.xml, images/SUBSET/NAME.png."""
    images = []
    for number, (stem, mask) in enumerate(masks.items()):
        picture(root / "images" / subset / f"{stem}.png", mask.shape, number)
        height, width = map(str, mask.shape)
        entry = {"id": str(number), "name": f"{stem}.png", "height": height, "width": width}
        part = {"subset": subset} if subset else {}
        images.append(({**entry, **part}, list(cvat_shapes(mask, form))))
    path = root / "annotations.xml"
    path.write_text(cvat_xml(images))
    return path


def datumaro(
    root: Path, masks: Mapping[str, Mask], form: str = "mask", subset: str = "train"
) -> Path:
    """Datumaro: annotations/SUBSET.json, images/SUBSET/NAME.png. form: mask or polygon."""
    items = []
    for number, (stem, mask) in enumerate(masks.items()):
        picture(root / f"images/{subset}/{stem}.png", mask.shape, number)
        found: list[dict[str, Any]] = []
        for entry in coco_entries(mask, number, "text" if form == "mask" else "polygons"):
            outline, label = entry["segmentation"], entry["category_id"] // 7 - 1
            parts = [{"rle": outline}] if form == "mask" else [{"points": one} for one in outline]
            found += [{"type": form, "label_id": label, "z_order": 0, **one} for one in parts]
        media = {"path": f"{stem}.png", "size": list(mask.shape)}
        items.append({"id": stem, "annotations": found, "image": media})
    labels = [{"name": name, "parent": "", "attributes": []} for name in ("crop", "weed")]
    categories = {"label": {"labels": labels, "attributes": []}}
    content = {"dm_format_version": "1.0", "infos": {}, "categories": categories, "items": items}
    return write_json(root / f"annotations/{subset}.json", content)


def yolo_lines(mask: Mask) -> list[str]:
    """A line for each 8-connected object: its class, and its outline without holes."""
    lines = []
    for value in (1, 2):
        for shape in supervisely_polygons(mask == value) if (mask == value).any() else ():
            corners = np.array(shape["points"]["exterior"]) / mask.shape[::-1]
            lines.append(" ".join([str(value - 1), *(f"{share:.6f}" for share in corners.ravel())]))
    return lines


def yolo(root: Path, masks: Mapping[str, Mask], split: str = "train") -> Path:
    """YOLO segmentation: images/SPLIT, labels/SPLIT, data.yaml; no file for an empty mask."""
    for number, (stem, mask) in enumerate(masks.items()):
        picture(root / f"images/{split}/{stem}.png", mask.shape, number)
        labels = root / f"labels/{split}/{stem}.txt"
        labels.parent.mkdir(parents=True, exist_ok=True)
        if mask.any():
            labels.write_text("".join(f"{line}\n" for line in yolo_lines(mask)))
    path = root / "data.yaml"
    path.write_text(f"path: .\n{split}: images/{split}\nnames: {{0: crop, 1: weed}}\n")
    return path

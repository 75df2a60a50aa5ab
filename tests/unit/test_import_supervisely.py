"""Supervisely projects into plain folders: geometries, datasets and their roles, broken files."""

from __future__ import annotations

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from daemon.datasets.formats.supervisely_geometry import decode
from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.datasets.import_report import Report
from daemon.datasets.samples import LabelsUnusable, Repair, Trust
from daemon.domain.errors import DatasetRefused
from tests.fakes.dataset_sources import (
    MASKS,
    ring,
    supervisely,
    supervisely_annotation,
    supervisely_bitmap,
    supervisely_objects,
    write_json,
)


def imported(root: Path, **trust: bool) -> tuple[Path, Report]:
    out = root.parent / f"out{len(trust)}"
    options = ImportOptions(trust=Trust(**trust))
    return out, import_folder(root, out, options, lambda done, total: None)


def mask_of(out: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(out / f"masks/{name}.png"))


def drawn(objects: list[dict[str, Any]], size: tuple[int, int]) -> np.ndarray:
    found = np.zeros(size, np.uint8)
    for one in objects:
        patch = decode(one["geometryType"], one, size, "here")
        height, width = patch.inside.shape
        view = found[patch.top : patch.top + height, patch.left : patch.left + width]
        view[patch.inside] = ["crop", "weed"].index(one["classTitle"]) + 1
    return found


@given(mask=MASKS)
@settings(max_examples=80)
def test_any_mask_comes_back_from_bitmaps(mask: np.ndarray) -> None:
    assert np.array_equal(drawn(supervisely_objects(mask, "bitmap"), mask.shape), mask)


@given(mask=MASKS)
@settings(max_examples=80)
def test_any_mask_of_one_class_comes_back_from_polygons_with_holes(mask: np.ndarray) -> None:
    single = (mask > 0).astype(np.uint8)

    assert np.array_equal(drawn(supervisely_objects(single, "polygon"), mask.shape), single)


def test_a_large_bitmap_comes_back() -> None:
    inside = np.random.default_rng(0).random((4096, 4096)) > 0.999
    entry = supervisely_bitmap(inside)

    patch = decode("bitmap", entry, inside.shape, "here")

    assert patch.inside.sum() == inside.sum()


@pytest.mark.parametrize("form", ["bitmap", "polygon"])
def test_a_project_is_imported_and_its_datasets_decide_the_roles(form: str, tmp_path: Path) -> None:
    nothing = np.zeros((24, 30), np.uint8)
    datasets = {
        "labeled": {"a.png": ring(), "b.jpg": nothing},
        "unlabeled": {"c.png": nothing, "d.png": nothing},
        "validation/datasets/north": {"a.png": np.fliplr(ring())},
        "validation": {"e.png": ring()},
    }
    supervisely(tmp_path / "in/project", datasets, form)

    out, report = imported(tmp_path / "in")

    assert report.faults == []
    assert report.classes == ("background", "crop", "weed")
    assert np.array_equal(mask_of(out, "labeled__img__a"), ring())
    assert np.array_equal(mask_of(out, "validation__datasets__north__img__a"), np.fliplr(ring()))
    assert json.loads((out / "splits.json").read_text()) == {
        "labeled": ["labeled__img__a", "b"],
        "pool": ["labeled__img__a", "b"],
        "unlabeled": ["c", "d"],
        "validation": ["e"],
        "validation/north": ["validation__datasets__north__img__a"],
    }
    assert report.repairs[Repair.BACKGROUND_ONLY, ""].first == "project/labeled/img/b.jpg"
    unlabeled = report.repairs[Repair.UNLABELED, ""]
    assert vars(unlabeled) == {"number": 2, "images": 2, "first": "project/unlabeled/img/c.png"}


SQUARE = [[2, 2], [5, 2], [5, 5], [2, 5]]


@pytest.mark.parametrize(
    ("kind", "entry", "pixels"),
    [
        ("polygon", {"points": {"exterior": SQUARE, "interior": []}}, 16),  # outline included
        ("polygon", {"points": {"exterior": SQUARE, "interior": [[[3, 3], [4, 3], [4, 4]]]}}, 13),
        ("polygon", {"points": {"exterior": SQUARE[:2]}}, 0),
        ("polygon", {"points": {"exterior": [[2.9, 2.9], [5.9, 2], [5, 5], [2, 5]]}}, 16),
        ("polygon", {"points": {"exterior": [[8, 8], [10, 8], [10, 10], [8, 10]]}}, 4),
        ("polygon", {"points": {"exterior": [[-9, -9], [-5, -9], [-5, -5]]}}, 0),
        ("polygon", {"points": {"exterior": [[-99999, 0], [99999, 0], [99999, 1]]}}, None),
        ("rectangle", {"points": {"exterior": [[2, 2], [5, 5]]}}, 16),
        ("rectangle", {"points": {"exterior": [[5, 5], [-9, 2]]}}, 24),
        ("rectangle", {"points": {"exterior": [[50, 50], [60, 60]]}}, 0),
        ("multipolygon", {"parts": [{"exterior": SQUARE}, {"exterior": [[0, 0]] * 3}]}, 17),
    ],
)
def test_shapes_hold_the_pixels_of_their_outline(
    kind: str, entry: dict[str, Any], pixels: int | None
) -> None:
    patch = decode(kind, entry, (10, 10), "here")

    assert patch.top + patch.inside.shape[0] <= 10
    assert patch.left + patch.inside.shape[1] <= 10
    assert pixels is None or patch.inside.sum() == pixels


@pytest.mark.parametrize(
    ("left", "top", "pixels"), [(-2, -2, 4), (8, 8, 4), (90, 0, 0), (3, 3, 16)]
)
def test_a_bitmap_that_leaves_the_image_is_cut(left: int, top: int, pixels: int) -> None:
    entry = supervisely_bitmap(np.ones((4, 4), np.bool_))
    entry["bitmap"]["origin"] = [left, top]

    patch = decode("bitmap", entry, (10, 10), "here")

    assert patch.inside.sum() == pixels
    assert patch.is_clipped == (pixels < 16)


def test_the_kind_of_png_does_not_matter() -> None:
    inside = np.eye(5, dtype=np.bool_)
    plain = Image.fromarray(inside.astype(np.uint8) * 255)
    alpha = Image.merge("RGBA", [plain, plain, plain, plain])
    for number, picture in enumerate((plain, plain.convert("RGB"), alpha, plain.convert("1"))):
        stream = _png(picture)
        for content in (stream, zlib.compress(stream)):
            entry = {"bitmap": {"data": base64.b64encode(content).decode(), "origin": [0, 0]}}
            found = decode("bitmap", entry, (5, 5), f"picture {number}")
            assert np.array_equal(found.inside, inside)


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


BROKEN: dict[str, dict[str, Any]] = {
    "no bitmap": {"geometryType": "bitmap"},
    "no base64": {"geometryType": "bitmap", "bitmap": {"data": "?", "origin": [0, 0]}},
    "no text": {"geometryType": "bitmap", "bitmap": {"data": 3, "origin": [0, 0]}},
    "no png": {"geometryType": "bitmap", "bitmap": {"data": "AAAA", "origin": [0, 0]}},
    "no origin": {"geometryType": "bitmap", "bitmap": {"data": "AAAA"}},
    "far point": {"geometryType": "polygon", "points": {"exterior": [[1e30, 0]] * 3}},
    "no point": {"geometryType": "polygon", "points": {"exterior": [["1", 0]] * 3}},
    "no ring": {"geometryType": "polygon", "points": {"exterior": 7}},
    "three corners": {"geometryType": "rectangle", "points": {"exterior": [[1, 1]] * 3}},
}


@pytest.mark.parametrize("entry", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_object_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(LabelsUnusable, match=r"^here.*: got .*; expected .*; correct"):
        decode(entry["geometryType"], entry, (10, 10), "here")


def test_a_bitmap_that_is_a_bomb_is_refused() -> None:
    packed = base64.b64encode(zlib.compress(bytes(2**28 + 1), 9)).decode()

    with pytest.raises(LabelsUnusable, match="unpacks to more than"):
        decode("bitmap", {"bitmap": {"data": packed, "origin": [0, 0]}}, (10, 10), "here")


def test_one_broken_file_is_named_and_the_rest_is_imported(tmp_path: Path) -> None:
    root = tmp_path / "in"
    supervisely(root, {"ds": {f"{name}.png": ring() for name in "abcdefg"}})
    ann = root / "ds/ann"
    (ann / "b.png.json").write_text("{")
    write_json(ann / "c.png.json", {"annotation": supervisely_annotation(ring(), [])})
    unknown = {"classTitle": "tree", "geometryType": "polygon"}
    write_json(ann / "d.png.json", supervisely_annotation(ring(), [unknown]))
    write_json(ann / "e.png.json", supervisely_annotation(ring()[:-1], []))
    (ann / "f.png.json").rename(ann / "f.json")
    point = {"classTitle": "crop", "geometryType": "point"}
    hidden = {"classTitle": "$sly.error.region", "geometryType": "point"}
    crop = supervisely_objects(ring(), "bitmap")[0]
    write_json(ann / "g.png.json", supervisely_annotation(ring(), [crop, point, hidden]))
    write_json(ann / "nobody.png.json", supervisely_annotation(ring(), []))

    out, report = imported(root)

    assert sorted(path.stem for path in (out / "masks").iterdir()) == ["a", "c", "f", "g"]
    assert np.array_equal(mask_of(out, "f"), ring())
    assert sorted(one.where.rpartition("/")[2] for one in report.faults) == [
        "b.png.json",
        "d.png.json, object 0",
        "e.png.json, size",
        "nobody.png.json",
    ]
    assert report.repairs[Repair.OTHER_GEOMETRY, "'point'"].number == 1


def test_boxes_and_what_a_machine_drew_are_labels_only_where_they_are_trusted(
    tmp_path: Path,
) -> None:
    root = tmp_path / "in"
    names = ("a.png", "machine.png")
    supervisely(root, {"ds": dict.fromkeys(names, np.zeros((24, 30), np.uint8))})
    box = {"geometryType": "rectangle", "points": {"exterior": [[0, 0], [9, 9]]}}
    triangle = {"geometryType": "polygon", "points": {"exterior": [[5, 5], [9, 5], [5, 9]]}}
    machine = {**triangle, "classTitle": "crop", "nnCreated": True}
    objects = [
        {**triangle, "classTitle": "crop", "nnCreated": True, "nnUpdated": False},
        {**box, "classTitle": "weed"},
        {**box, "classTitle": "weed", "points": {"exterior": [[20, 20], [21, 21]]}},
        {**machine, "points": {"exterior": [[0, 12], [1, 12], [1, 13], [0, 13]]}},
    ]
    write_json(root / "ds/ann/a.png.json", supervisely_annotation(ring(), objects))
    write_json(root / "ds/ann/machine.png.json", supervisely_annotation(ring(), [machine]))

    out, report = imported(root)
    trusting, trusted = imported(root, boxes=True, machine=True)

    mask = mask_of(out, "a")
    assert [(mask == value).sum() for value in (1, 2, 255)] == [15, 0, 100 - 15 + 4 + 4]
    assert report.labeled == 1
    splits = json.loads((out / "splits.json").read_text())
    assert (splits["pool"], splits["unlabeled"]) == (["a"], ["machine"])
    numbers = {repair: found.number for (repair, _), found in report.repairs.items()}
    assert numbers[Repair.BOX_UNLABELED] == 2
    assert (numbers[Repair.MACHINE_UNLABELED], numbers[Repair.MACHINE_ONLY]) == (1, 1)
    mask = mask_of(trusting, "a")
    assert [(mask == value).sum() for value in (1, 2, 255)] == [4, 104, 0]
    assert trusted.labeled == 2
    numbers = {repair: found.number for (repair, _), found in trusted.repairs.items()}
    assert numbers == {Repair.OVERLAP: 15, Repair.BOX: 2, Repair.MACHINE: 2}


@pytest.mark.parametrize("dataset", ["excluded", "val2017", "field/test-a", "validation"])
def test_a_dataset_that_is_held_out_is_not_in_the_pool(dataset: str, tmp_path: Path) -> None:
    root = tmp_path / "in"
    supervisely(root, {"train": {"a.png": ring()}})
    supervisely(root, {f"{dataset}": {"b.png": ring()}})

    out, _ = imported(root)

    splits = json.loads((out / "splits.json").read_text())
    assert splits == {"pool": ["a"], "train": ["a"], dataset: ["b"]}


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ({"classes": [], "projectType": "videos"}, "expected 'images'"),
        ({"classes": [{"name": 1}]}, "expected a text"),
        ({"classes": []}, "without pictures in DATASET/img"),
    ],
)
def test_a_project_that_cannot_be_read_says_why(
    meta: dict[str, Any], said: str, tmp_path: Path
) -> None:
    write_json(tmp_path / "in/meta.json", meta)

    with pytest.raises(DatasetRefused, match=said):
        imported(tmp_path / "in")

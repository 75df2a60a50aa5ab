"""COCO into plain folders: every form of an object, holes, overlaps, crowds, and broken files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

from daemon.datasets.formats.coco_outline import decode
from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.datasets.import_report import Report
from daemon.datasets.samples import Repair
from daemon.domain.errors import DatasetRefused
from daemon.pixels import coco_rle
from tests.fakes.dataset_sources import MASKS, coco, coco_entries, mask_png, ring


def imported(root: Path, out: Path) -> Report:
    return import_folder(root, out, ImportOptions(), lambda done, total: None)


def mask_of(out: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(out / f"masks/{name}.png"))


def changed(path: Path, change: Any) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("form", ["polygons", "runs", "text"])
@given(mask=MASKS)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_any_mask_comes_back_from_every_form(form: str, mask: np.ndarray) -> None:
    found = np.zeros_like(mask)

    for entry in coco_entries(mask, 0, form):
        patch, _ = decode(entry["segmentation"], mask.shape)
        height, width = patch.inside.shape
        view = found[patch.top : patch.top + height, patch.left : patch.left + width]
        view[patch.inside] = entry["category_id"] // 7

    assert np.array_equal(found, mask)


def test_a_folder_is_imported_with_its_classes_and_splits(tmp_path: Path) -> None:
    coco(tmp_path / "in", {"a": ring(), "b": np.zeros((5, 6), np.uint8)}, name="instances_train")

    report = imported(tmp_path / "in", tmp_path / "out")

    assert report.faults == []
    assert np.array_equal(mask_of(tmp_path / "out", "a"), ring())
    assert not mask_of(tmp_path / "out", "b").any()
    assert (tmp_path / "out/classes.txt").read_text() == "background\ncrop\nweed\n"
    splits = json.loads((tmp_path / "out/splits.json").read_text())
    assert splits == {"pool": ["a", "b"], "train": ["a", "b"]}
    assert report.repairs[Repair.BACKGROUND_ONLY, ""].number == 1


@pytest.mark.parametrize(
    ("ring", "text"),
    [  # in 10 rows and 12 columns, as pycocotools 2.0 fills them
        ([2.3, 1.7, 9.6, 3.1, 5.5, 8.9], "P1282N3NN1N2Ol0"),
        ([-3, -2, 14, 5, 1, 11.5], "0n01[O001N100O2O0O2O0OM"),
        ([1, 1, 9, 9, 9, 1, 1, 9], ";74N2N2N10O2N2N2l0"),
        ([4.2, 4.1, 4.9, 4.2, 4.6, 4.8], "\\11[2"),
    ],
)
def test_a_ring_holds_the_pixels_of_the_reference(ring: list[float], text: str) -> None:
    patch, _ = decode([ring], (10, 12))

    found = np.zeros((10, 12), np.bool_)
    found[:, patch.left : patch.left + patch.inside.shape[1]] = patch.inside
    assert np.array_equal(found, coco_rle.decompress(text, (10, 12)))


def test_a_ring_around_the_world_is_refused() -> None:
    with pytest.raises(ValueError, match="perimeter"):
        decode([[0, 0, 1e5, 0, 1e5, 1e5, 0, 1e5] * 9], (10, 12))


def test_a_ring_inside_a_ring_is_a_hole_and_counted() -> None:
    outer, inner = [0, 0, 9, 0, 9, 9, 0, 9], [3, 3, 6, 3, 6, 6, 3, 6]
    island = [4, 4, 5, 4, 5, 5, 4, 5]

    patch, holes = decode([inner, island, outer], (9, 9))

    assert holes == 1
    assert patch.inside.sum() == 81 - 9 + 1


def test_the_later_object_wins_and_the_overlap_is_counted(tmp_path: Path) -> None:
    path = coco(tmp_path / "in", {"a": np.zeros((10, 10), np.uint8)})
    square = [[0, 0, 6, 0, 6, 6, 0, 6]]
    corner = [[4, 4, 12, 4, 12, 12, 4, 12]]
    changed(
        path,
        lambda content: content["annotations"].extend(
            [
                {"id": 1, "image_id": 0, "category_id": 14, "segmentation": square},
                {"id": 2, "image_id": 0, "category_id": 7, "segmentation": corner},
            ]
        ),
    )

    report = imported(tmp_path / "in", tmp_path / "out")

    mask = mask_of(tmp_path / "out", "a")
    assert (mask == 1).sum() == 36
    assert (mask == 2).sum() == 36 - 4
    assert report.repairs[Repair.OVERLAP, ""].number == 4
    assert report.repairs[Repair.CLIPPED, ""].first == "images/a.png"


def test_a_crowd_has_no_label_except_where_an_object_lies_on_it(tmp_path: Path) -> None:
    path = coco(tmp_path / "in", {"a": np.zeros((10, 10), np.uint8)})
    square, crowd = [[0, 0, 2, 0, 2, 2, 0, 2]], {"size": [10, 10], "counts": [0, 50, 50]}
    changed(
        path,
        lambda content: content["annotations"].extend(
            [
                {"image_id": 0, "category_id": 7, "segmentation": square},
                {"image_id": 0, "category_id": 7, "segmentation": crowd, "iscrowd": 1},
            ]
        ),
    )

    report = imported(tmp_path / "in", tmp_path / "out")

    mask = mask_of(tmp_path / "out", "a")
    assert (mask == 255).sum() == 46
    assert (mask == 1).sum() == 4
    assert report.repairs[Repair.CROWD, ""].number == 1
    assert (Repair.OVERLAP, "") not in report.repairs


def test_an_object_with_a_box_only_leaves_its_pixels_without_a_label(tmp_path: Path) -> None:
    path = coco(tmp_path / "in", {"a": np.zeros((10, 10), np.uint8)}, name="instances_excluded")
    box = {"image_id": 0, "category_id": 7, "bbox": [2, 2, 3, 4]}
    changed(path, lambda content: content["annotations"].append(box))

    report = imported(tmp_path / "in", tmp_path / "out")

    assert (mask_of(tmp_path / "out", "a") == 255).sum() == 12
    assert report.repairs[Repair.BOX_UNLABELED, ""].number == 1
    splits = json.loads((tmp_path / "out/splits.json").read_text())
    assert splits == {"pool": [], "excluded": ["a"]}


def test_panoptic_segments_are_read_from_their_picture(tmp_path: Path) -> None:
    root = tmp_path / "in"
    path = coco(root, {"a": ring(), "b": ring()}, name="panoptic_val")
    ids = np.where(ring() == 0, 0, ring().astype(int) * 70_000 + 5)
    ids[20:] = 9  # background, said as a segment
    colours = np.stack([ids % 256, ids // 256 % 256, ids // 65_536], axis=-1).astype(np.uint8)
    mask_png(root / "annotations/panoptic_val/a.png", colours)
    segments = [{"id": 70_005, "category_id": 7}, {"id": 140_005, "category_id": 14}]
    far = [{"id": 10**30, "category_id": 7}]

    def as_segments(content: Any) -> None:
        content["categories"].append({"id": 0, "name": "background"})
        ground = {"id": 9, "category_id": 0}
        content["annotations"] = [
            {"image_id": 0, "file_name": "a.png", "segments_info": [*segments, ground]},
            {"image_id": 1, "file_name": "a.png", "segments_info": far},
        ]

    changed(path, as_segments)

    report = imported(root, tmp_path / "out")

    expected = np.where(ring() == 0, 255, ring())
    expected[20:] = 0
    assert np.array_equal(mask_of(tmp_path / "out", "a"), expected)
    assert [fault.where.rpartition("/")[2] for fault in report.faults] == [
        "panoptic_val.json, image b.png, annotation 1000000000000000000000000000000"
    ]


def test_a_file_without_masks_says_nothing_of_the_images_that_it_lists(tmp_path: Path) -> None:
    path = coco(tmp_path / "in", {"a": ring(), "b": ring()}, name="instances_val")
    content = json.loads(path.read_text())
    captions = [{"image_id": 0, "category_id": 7, "caption": "a field"}]
    (path.parent / "captions_val.json").write_text(json.dumps({**content, "annotations": captions}))
    (path.parent / "keypoints_val.json").write_text(json.dumps(content))

    report = imported(tmp_path / "in", tmp_path / "out")

    assert np.array_equal(mask_of(tmp_path / "out", "a"), ring())
    assert [fault.where for fault in report.faults] == ["annotations/keypoints_val.json"]
    assert report.faults[0].got == "2 images that an earlier entry has, first images/a.png"


BROKEN: dict[str, Any] = {
    "odd ring": [[0, 0, 1, 1, 2]],
    "text ring": [["0", 0, 1, 1, 2, 2]],
    "far ring": [[0, 0, 1e9, 0, 1, 1]],
    "runs of another size": {"size": [2, 2], "counts": [4]},
    "runs that do not fill": {"size": [24, 30], "counts": [4]},
    "no counts": {"size": [24, 30]},
    "huge size": {"size": [10**9, 10**9], "counts": [10**18]},
    "a number": 7,
}


@pytest.mark.parametrize("outline", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_object_is_a_fault_of_its_image_only(outline: Any, tmp_path: Path) -> None:
    path = coco(tmp_path / "in", {"a": ring(), "b": ring()})
    changed(path, lambda content: content["annotations"][0].update(segmentation=outline))

    report = imported(tmp_path / "in", tmp_path / "out")

    assert [path.stem for path in (tmp_path / "out/masks").iterdir()] == ["b"]
    assert [path.stem for path in (tmp_path / "out/images").iterdir()] == ["b"]
    assert len(report.faults) == 1
    assert "image a.png, annotation 1" in report.faults[0].where


def test_other_faults_are_named_and_the_rest_is_imported(tmp_path: Path) -> None:
    path = coco(tmp_path / "in", {"a": ring(), "b": ring(), "c": ring()})

    def spoil(content: Any) -> None:
        content["annotations"][0]["category_id"] = 99
        content["annotations"].append({"image_id": 77, "category_id": 7})
        content["annotations"].append("no object")
        content["images"].append({"id": 9, "file_name": "../../../etc/passwd"})
        content["images"].append({"id": 1, "file_name": "b.png"})
        content["images"][1]["width"] = 31

    changed(path, spoil)

    report = imported(tmp_path / "in", tmp_path / "out")

    assert report.images == 1
    got = sorted(fault.got for fault in report.faults)
    assert len(got) == 6
    assert any("image_id 77" in one for one in got)
    assert any("category_id 99" in one for one in got)


@pytest.mark.parametrize("content", ["", '{"images": [], "anno', '{"images": 3}', "[" * 100_000])
def test_a_file_that_is_no_coco_is_not_taken_for_it(content: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/instances.json").write_text(content)

    with pytest.raises(DatasetRefused, match=r"(?s)expected one of\n.*COCO"):
        imported(tmp_path / "in", tmp_path / "out")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_a_broken_json_is_said_where_nothing_else_is_found(tmp_path: Path) -> None:
    path = coco(tmp_path / "in", {"a": ring()})
    path.write_text(path.read_text()[:-9])

    with pytest.raises(DatasetRefused, match=r"annotations/coco.json: got no JSON"):
        imported(tmp_path / "in", tmp_path / "out")

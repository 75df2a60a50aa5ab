"""What says nothing of pixels becomes no label: points, tags, captions, images that miss."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.masks.regions import Control, encode
from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.datasets.import_report import Report
from daemon.datasets.samples import Repair
from daemon.domain import ClassSet
from daemon.domain.errors import DatasetRefused
from tests.fakes.dataset_sources import (
    cvat,
    datumaro,
    label_studio,
    picture,
    ring,
    supervisely,
    write_json,
    yolo,
)


def imported(root: Path) -> Report:
    return import_folder(root, root.parent / "out", ImportOptions(), lambda done, total: None)


def cvat_with_points(root: Path) -> None:
    path = cvat(root, {"a": ring(), "b": ring()})
    first, second, third = path.read_text().partition("b.png")
    rest = third[third.index(">") :]
    head = third[: third.index(">")]
    path.write_text(
        f'{first}{second}{head}><points label="weed" points="1,1"/></image></annotations>'
    )
    assert "</image>" in rest


def datumaro_with_a_tag(root: Path) -> None:
    path = datumaro(root, {"a": ring(), "b": ring()})
    content = json.loads(path.read_text())
    content["items"][1]["annotations"] = [{"type": "label", "label_id": 0}]
    write_json(path, content)


def supervisely_with_points(root: Path) -> None:
    supervisely(root, {"ds": {"a.png": ring(), "b.png": ring()}})
    path = root / "ds/ann/b.png.json"
    content = json.loads(path.read_text())
    points = {"exterior": [[1, 1]], "interior": []}
    content["objects"] = [{"classTitle": "weed", "geometryType": "point", "points": points}]
    write_json(path, content)


def label_studio_with_points(root: Path) -> None:
    mask = Control(from_name="mask", to_name="image")
    classes = ClassSet(names=("background", "crop", "weed"))
    label_studio(root, {"a.png": encode(ring(), classes, mask, {}), "b.png": [CLICK, CHOICE]})


CLICK = {
    "type": "keypointlabels",
    "from_name": "click",
    "to_name": "image",
    "value": {"x": 5, "y": 5, "width": 1, "keypointlabels": ["weed"]},
}
CHOICE = {
    "type": "choices",
    "from_name": "quality",
    "to_name": "image",
    "value": {"choices": ["sharp"]},
}
BOX = {
    "type": "rectanglelabels",
    "from_name": "box",
    "to_name": "image",
    "original_width": 30,
    "original_height": 24,
    "value": {"x": 0, "y": 0, "width": 50, "height": 100, "rectanglelabels": ["weed"]},
}
WRITERS = [
    cvat_with_points,
    datumaro_with_a_tag,
    label_studio_with_points,
    supervisely_with_points,
]


@pytest.mark.parametrize("write", WRITERS)
def test_an_image_with_points_or_tags_only_is_no_background(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    write(tmp_path / "in")

    report = imported(tmp_path / "in")

    assert report.faults == []
    assert [path.name for path in (tmp_path / "out/masks").iterdir()] == ["a.png"]
    assert report.repairs[Repair.NO_AREA, ""].first.endswith("b.png")
    splits = json.loads((tmp_path / "out/splits.json").read_text())
    assert (splits["pool"], splits["unlabeled"]) == (["a"], ["b"])


def test_choices_alone_are_background_beside_masks_and_refused_without_any(tmp_path: Path) -> None:
    mask, classes = Control(from_name="mask", to_name="image"), ClassSet(names=("soil", "crop"))
    drawn = encode((ring() == 1).astype(ring().dtype), classes, mask, {})
    label_studio(tmp_path / "drawn/in", {"a.png": drawn, "b.png": [CHOICE]})
    label_studio(tmp_path / "sorted/in", {"a.png": [CHOICE], "b.png": [CLICK]})

    report = imported(tmp_path / "drawn/in")
    with pytest.raises(DatasetRefused, match="say nothing of pixels"):
        imported(tmp_path / "sorted/in")

    assert report.labeled == 2
    assert (Repair.NO_AREA, "") not in report.repairs


def test_points_beside_rectangles_are_left_out_and_the_rectangles_count(tmp_path: Path) -> None:
    label_studio(tmp_path / "in", {"a.png": [BOX, CLICK]})

    report = imported(tmp_path / "in")

    assert report.faults == []
    assert report.repairs[Repair.BOX_UNLABELED, ""].number == 1
    assert report.repairs[Repair.OTHER_GEOMETRY, "clicks"].number == 1


def test_captions_are_refused_with_what_would_be_needed(tmp_path: Path) -> None:
    picture(tmp_path / "in/a.png", (4, 5))
    image = {"id": 1, "file_name": "a.png", "height": 4, "width": 5}
    caption = {"id": 1, "image_id": 1, "caption": "a field"}
    content = {"images": [image], "annotations": [caption], "categories": []}
    write_json(tmp_path / "in/captions.json", content)

    with pytest.raises(DatasetRefused, match=r"COCO with 1 image and no class; expected objects"):
        imported(tmp_path / "in")


def test_an_export_without_its_images_says_that_they_are_missing(tmp_path: Path) -> None:
    label_studio(tmp_path / "in", {"a.png": []})
    (tmp_path / "in/images/a.png").unlink()

    with pytest.raises(DatasetRefused, match=r"Label Studio.*none of its images.*1 fault, first"):
        imported(tmp_path / "in")


def test_a_data_yaml_may_list_the_images_themselves(tmp_path: Path) -> None:
    path = yolo(tmp_path / "in", {"a": ring(), "b": ring()})
    path.write_text("val: [images/train/b.png]\ntrain: images/train/a.png\nnames: [crop, weed]\n")

    report = imported(tmp_path / "in")

    assert report.faults == []
    splits = json.loads((tmp_path / "out/splits.json").read_text())
    assert (splits["train"], splits["val"]) == (["a"], ["b"])

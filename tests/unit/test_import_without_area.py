"""What says nothing of pixels becomes no label: points, tags, captions, images that miss."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.datasets.import_report import Report
from daemon.datasets.samples import Repair
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


@pytest.mark.parametrize("write", [cvat_with_points, datumaro_with_a_tag, supervisely_with_points])
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

"""Label Studio's exports into plain folders: every tag, several answers, tasks without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from connectors.masks.region_pixels import BITMASK, BRUSH
from connectors.masks.regions import Control, encode
from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.datasets.import_report import Report
from daemon.datasets.samples import Repair, Trust
from daemon.domain import ClassSet
from daemon.domain.errors import DatasetRefused
from tests.fakes.dataset_sources import MASKS, label_studio, picture, ring, write_json

CLASSES = ClassSet(names=("background", "crop", "weed"))


def regions(mask: np.ndarray, kind: str = BITMASK) -> list[dict[str, Any]]:
    return encode(mask, CLASSES, Control(from_name="mask", to_name="image", type=kind), {})


def polygon(label: str, *points: tuple[float, float]) -> dict[str, Any]:
    return {
        "type": "polygonlabels",
        "from_name": "shape",
        "to_name": "image",
        "original_width": 30,
        "original_height": 24,
        "value": {"points": [list(point) for point in points], "polygonlabels": [label]},
    }


def imported(root: Path, **trust: bool) -> tuple[Path, Report]:
    out = root.parent / f"out{len(trust)}"
    options = ImportOptions(trust=Trust(**trust))
    return out, import_folder(root, out, options, lambda done, total: None)


def mask_of(out: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(out / f"masks/{name}.png"))


@pytest.mark.parametrize("kind", [BITMASK, BRUSH])
@given(mask=MASKS)
@settings(max_examples=15, deadline=None)
def test_any_mask_comes_back(
    kind: str, mask: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("export") / "in"
    path = label_studio(root, {"a.png": regions(mask, kind), "b.png": regions(ring(), kind)})
    picture(root / "images/a.png", mask.shape)
    assert path.is_file()

    out, report = imported(root)

    assert report.faults == []
    names = ["background", *(name for value, name in ((1, "crop"), (2, "weed")) if value in mask)]
    order = {"background": 0} | {name: report.classes.index(name) for name in names}
    expected = np.array([order.get(name, 0) for name in CLASSES.names], np.uint8)[mask]
    assert np.array_equal(mask_of(out, "a"), expected)


def test_shapes_and_masks_of_several_tags_are_read_together(tmp_path: Path) -> None:
    half = polygon("soil crust", (0, 0), (50, 0), (50, 100), (0, 100))
    label_studio(tmp_path / "in", {"a.png": [*regions(ring()), half]})

    out, report = imported(tmp_path / "in")

    assert report.classes == ("background", "crop", "weed", "soil crust")
    mask = mask_of(out, "a")
    assert np.array_equal(mask[ring() > 0], ring()[ring() > 0])  # bitmasks lie on top
    assert (mask == 3).sum() == 24 * 15 - (ring()[:, :15] > 0).sum()
    assert report.repairs[Repair.OVERLAP, ""].number == (ring()[:, :15] > 0).sum()


def test_rectangles_and_predictions_are_labels_only_where_they_are_trusted(tmp_path: Path) -> None:
    box = polygon("crop")
    box |= {"type": "rectanglelabels", "from_name": "box"}
    box["value"] = {"x": 0, "y": 0, "width": 50, "height": 100, "rectanglelabels": ["crop"]}
    path = label_studio(tmp_path / "in", {"a.png": [*regions(ring()), box], "b.png": None})
    tasks = json.loads(path.read_text())
    tasks[1]["predictions"] = [{"result": regions(ring())}]
    path.write_text(json.dumps(tasks))

    out, report = imported(tmp_path / "in")
    trusting, trusted = imported(tmp_path / "in", boxes=True, machine=True)

    half = np.arange(30) < 15
    assert np.array_equal(mask_of(out, "a"), np.where((ring() == 0) & half, 255, ring()))
    assert np.array_equal(mask_of(trusting, "a"), np.where((ring() == 0) & half, 1, ring()))
    assert np.array_equal(mask_of(trusting, "b"), ring())
    assert (report.labeled, trusted.labeled) == (1, 2)
    assert report.repairs[Repair.BOX_UNLABELED, ""].number == 1
    assert trusted.repairs[Repair.BOX, ""].number == 1
    assert trusted.repairs[Repair.MACHINE, ""].number == 2


def test_the_latest_answer_counts_and_a_skipped_one_does_not(tmp_path: Path) -> None:
    path = label_studio(tmp_path / "in", {"a.png": [], "b.png": [], "c.png": None, "d.png": []})
    tasks = json.loads(path.read_text())
    tasks[0]["annotations"] = [
        {"result": regions(ring()), "updated_at": "2026-02-01T00:00:00Z"},
        {"result": [], "updated_at": "2026-01-01T00:00:00Z"},
        {"result": [], "updated_at": "2026-03-01T00:00:00Z", "was_cancelled": True},
    ]
    tasks[1]["annotations"] = [{"result": regions(ring()), "was_cancelled": True}]
    path.write_text(json.dumps(tasks))

    out, report = imported(tmp_path / "in")

    assert np.array_equal(mask_of(out, "a"), ring())
    assert not mask_of(out, "d").any()
    assert json.loads((out / "splits.json").read_text())["unlabeled"] == ["b", "c"]
    assert report.repairs[Repair.LATER_ANSWER, ""].number == 1


@pytest.mark.parametrize(
    "address",
    [
        "/data/upload/3/0a1b2c3d-leaf one.png",
        "/data/local-files/?d=deep/leaf%20one.png",
        "s3://bucket/field/leaf one.png",
        "https://host/leaf%20one.png?token=1",
        "C:\\field\\leaf one.png",
    ],
)
def test_the_image_of_a_task_is_found_by_the_end_of_its_address(
    address: str, tmp_path: Path
) -> None:
    picture(tmp_path / "in/leaf one.png", (24, 30))
    task = {"id": 1, "data": {"image": address}, "annotations": [{"result": regions(ring())}]}
    write_json(tmp_path / "in/export.json", [task])

    out, report = imported(tmp_path / "in")

    assert report.faults == []
    assert np.array_equal(mask_of(out, "leaf one"), ring())


def test_one_broken_task_is_named_and_the_rest_is_imported(tmp_path: Path) -> None:
    bad = regions(ring())
    bad[0]["value"]["imageDataURL"] = "data:image/png;base64,AAAA"
    other_size = [{**one, "original_width": 31} for one in regions(ring())]
    two_labels = polygon("crop", (0, 0), (9, 0), (9, 9))
    two_labels["value"]["polygonlabels"] = ["crop", "weed"]
    path = label_studio(
        tmp_path / "in",
        {"a.png": regions(ring()), "b.png": bad, "c.png": other_size, "d.png": [two_labels]},
    )
    tasks = json.loads(path.read_text())
    tasks.append({"id": 9, "data": {"image": "../../etc/passwd"}, "annotations": []})
    tasks.append("no task")
    path.write_text(json.dumps(tasks))

    out, report = imported(tmp_path / "in")

    assert [path.stem for path in (out / "images").iterdir()] == ["a"]
    assert len(report.faults) == 5


def test_the_small_json_without_regions_is_not_taken_for_it(tmp_path: Path) -> None:
    write_json(tmp_path / "in/export.json", [{"image": "a.png", "label": [], "id": 1}])

    with pytest.raises(DatasetRefused, match="not JSON-MIN"):
        imported(tmp_path / "in")

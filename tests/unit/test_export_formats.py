"""What `maskloop export` writes in each format comes back by `maskloop import`, pixel for pixel."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from daemon.cli import export_command
from daemon.datasets.class_map import ClassMap, read_class_map
from daemon.datasets.export import label_formats
from daemon.datasets.export.export_folder import export_folder
from daemon.datasets.export.export_report import ExportOptions
from daemon.datasets.export.format_losses import Loss
from daemon.datasets.formats import coco_encoding, coco_outline, supervisely_encoding
from daemon.datasets.formats.supervisely_geometry import decode
from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.datasets.import_report import Report
from daemon.domain import Role
from daemon.domain.errors import ExportRefused
from daemon.store import Store
from tests.fakes.dataset_sources import ring
from tests.fakes.labeled_store import CLASSES, labeled_config, labeled_store
from tests.fakes.labels import NOON

SUBSETS = ("cvat", "datumaro", "yolo")
WITH_BACKGROUND = ("coco", "supervisely", "label_studio", *SUBSETS)  # a class 0 that is not drawn
# All classes, and pixels without a label: holes, touching objects, single pixels, lines.
MASKS = hnp.arrays(
    np.uint8,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.sampled_from([0, 0, 1, 1, 2, 255]),
)


def one_pixel() -> np.ndarray:
    mask = np.zeros((1, 1), np.uint8)
    mask[0, 0] = 2
    return mask


def sampled(seed: int) -> np.ndarray:
    values = np.array([0, 1, 2, 255], np.uint8)
    coarse = np.random.default_rng(seed).choice(values, (9, 11))
    return np.kron(coarse, np.ones((5, 7), np.uint8))


LABELS = {
    "hole.png": ring(),
    "pixel.png": one_pixel(),
    "touching.png": sampled(0),
    "noise.png": np.random.default_rng(1).choice(np.array([0, 1, 2, 255], np.uint8), (40, 30)),
    "empty.png": np.zeros((5, 6), np.uint8),
    "unlabeled.png": np.full((4, 5), 255, np.uint8),
}


def back_again(home: Path, form: str) -> tuple[Path, Report]:
    """The export of the store below `home`, imported."""
    wanted = ExportOptions(out=home / "out", format=form, images=True)
    report = export_folder(labeled_config(home), wanted, NOON, lambda done, total: None)
    assert report.faults == []
    chosen = ClassMap() if form == "png" else read_class_map(home / "out/map.toml")
    options = ImportOptions(classes=chosen)
    found = import_folder(home / "out", home / "back", options, lambda done, total: None)
    return home / "back", found


@pytest.mark.parametrize("form", ["png", *WITH_BACKGROUND])
def test_every_label_comes_back_pixel_for_pixel(form: str, tmp_path: Path) -> None:
    labeled_store(tmp_path, LABELS)

    back, report = back_again(tmp_path, form)

    assert report.faults == []
    assert report.classes[0] == CLASSES[0]
    assert sorted(report.classes) == sorted(CLASSES)
    values = np.arange(256, dtype=np.uint8)
    values[: len(CLASSES)] = [report.classes.index(name) for name in CLASSES]
    for name, mask in LABELS.items():
        found = np.asarray(Image.open(back / f"masks/{Path(name).stem}.png"))
        assert np.array_equal(found, values[mask]), name
    repairs = {repair.name for repair, _ in report.repairs}
    assert repairs <= {"BACKGROUND_ONLY", "CROWD"}


@given(mask=MASKS)
@settings(max_examples=60, deadline=None)
def test_run_lengths_and_bitmaps_hold_any_mask(mask: np.ndarray) -> None:
    by_coco, by_supervisely = np.zeros_like(mask), np.zeros_like(mask)
    for one in coco_encoding.objects(mask, 1):
        value = 255 if one["iscrowd"] else one["category_id"]
        inside = coco_outline.decode(one["segmentation"], mask.shape)[0].inside
        by_coco[inside] = value
        left, top, width, height = one["bbox"]
        assert inside[top : top + height, left : left + width].sum() == inside.sum() == one["area"]
    titles = {1: "1", 2: "2", 255: "255"}
    for one in supervisely_encoding.annotation(mask, titles)["objects"]:
        patch = decode("bitmap", one, mask.shape, "object")
        height, width = patch.inside.shape
        under = by_supervisely[patch.top : patch.top + height, patch.left : patch.left + width]
        under[patch.inside] = int(one["classTitle"])
    assert np.array_equal(by_coco, mask)
    assert np.array_equal(by_supervisely, mask)


def test_names_of_classes_that_mean_something_to_a_format_come_back(tmp_path: Path) -> None:
    path = labeled_store(tmp_path, LABELS)
    names = ['bare "soil"', "no label", "weed \\ ä"]
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("UPDATE facts SET value = ? WHERE name = 'classes'", [json.dumps(names)])

    _, report = back_again(tmp_path, "supervisely")

    assert list(report.classes) == names


@pytest.mark.parametrize("form", WITH_BACKGROUND)
def test_a_background_that_is_not_first_is_refused_before_anything_is_written(
    form: str, tmp_path: Path
) -> None:
    path = labeled_store(tmp_path, {"a.png": ring()})
    with closing(sqlite3.connect(path)) as store, store:
        names = json.dumps(["soil", "background", "weed"])
        store.execute("UPDATE facts SET value = ? WHERE name = 'classes'", [names])

    with pytest.raises(ExportRefused, match="what no object covers"):
        back_again(tmp_path, form)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["coco", "supervisely", "cvat", "datumaro"])
def test_the_splits_stay_apart(form: str, tmp_path: Path) -> None:
    path = labeled_store(tmp_path, {"a.png": ring(), "b.png": ring()})
    with Store(path) as store:
        store.set_roles(Role.VALIDATION, {2: "drawn"})

    back, _ = back_again(tmp_path, form)

    splits = json.loads((back / "splits.json").read_text())
    assert (splits["train"], splits["validation"], splits["pool"]) == (["a"], ["b"], ["a"])


def test_another_format_into_the_same_folder_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    labeled_store(tmp_path, {"a.png": ring()})
    out = tmp_path / "out"
    for form in (*WITH_BACKGROUND, "png"):
        options = ExportOptions(out=out, format=form)
        export_folder(labeled_config(tmp_path), options, NOON, lambda done, total: None)
    assert {path.name for path in out.iterdir()} == {
        ".maskloop-export", "classes.json", "curve.csv", "curve.json", "export.json",
        "history.csv", "history.json", "masks", "splits.json",
    }  # fmt: skip


def test_a_label_with_more_regions_than_an_import_takes_is_a_fault_and_the_others_are_exported(
    tmp_path: Path,
) -> None:
    crowded = np.zeros((2, 200_010), np.uint8)
    crowded[0, ::2] = 1
    labeled_store(tmp_path, {"a.png": crowded, "b.png": ring()})
    options = ExportOptions(out=tmp_path / "out", format="yolo")

    report = export_folder(labeled_config(tmp_path), options, NOON, lambda done, total: None)

    assert [(one.where, one.got) for one in report.faults] == [
        ("label of image 'a.png'", "100005 regions")
    ]
    assert report.labels == 1
    assert [path.name for path in (tmp_path / "out/labels/train").iterdir()] == ["b.txt"]


def test_the_command_offers_each_format_that_there_is() -> None:
    assert tuple(label_formats.FORMATS) == export_command.FORMATS


def test_what_a_format_cannot_hold_stands_in_the_report(tmp_path: Path) -> None:
    path = labeled_store(tmp_path, LABELS)
    with Store(path) as store:
        store.set_roles(Role.VALIDATION, {5: "drawn"})  # empty.png
    pixels = sum(int((mask == 255).sum()) for mask in LABELS.values())
    none, crowd = {Loss.NO_LABEL_CLASS: pixels}, {Loss.NO_LABEL_CROWD: pixels}
    expected = {
        "png": {},
        "coco": crowd,
        "label_studio": {**none, Loss.SPLIT: 1},
        **{form: {**none, Loss.NO_OBJECT: 1} for form in ("supervisely", *SUBSETS)},
    }
    for form, losses in expected.items():
        options = ExportOptions(out=tmp_path / "out", format=form)
        report = export_folder(labeled_config(tmp_path), options, NOON, lambda done, total: None)
        assert {one.loss: one.number for one in report.losses} == losses, form
        kept = json.loads((tmp_path / "out/export.json").read_text())["losses"]
        assert [one["number"] for one in kept] == list(losses.values())


@pytest.mark.parametrize("form", WITH_BACKGROUND)
def test_names_with_two_blanks_come_back_unless_they_are_alike(form: str, tmp_path: Path) -> None:
    path = labeled_store(tmp_path, LABELS)

    def named(*names: str) -> None:
        with closing(sqlite3.connect(path)) as store, store:
            facts = [json.dumps(names)]
            store.execute("UPDATE facts SET value = ? WHERE name = 'classes'", facts)

    named("soil", "sugar  beet", '<&">')
    _, report = back_again(tmp_path, form)
    named("soil", "sugar  beet", "sugar beet")

    assert sorted(report.classes) == ['<&">', "soil", "sugar  beet"]
    with pytest.raises(ExportRefused, match="more than blanks"):
        back_again(tmp_path, form)

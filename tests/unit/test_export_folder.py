"""`maskloop export`: what it writes, whereto, and what it refuses."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from daemon.datasets.export.export_folder import MARK, REPORT, export_folder
from daemon.datasets.export.export_report import ExportOptions, ExportReport
from daemon.datasets.import_folder import ImportOptions, import_folder
from daemon.domain import CurvePoint, Evaluation, Exclusion, Role
from daemon.domain.errors import ExportRefused
from daemon.runs.locks import lock_file
from daemon.store import Store
from tests.fakes.dataset_sources import ring
from tests.fakes.labeled_store import CLASSES, labeled_config, labeled_store
from tests.fakes.labels import NOON


def no_label() -> np.ndarray:
    """A frame of class 1 in pixels without a label."""
    mask = np.where(ring() == 2, 255, ring()).astype(np.uint8)
    mask[0, :] = 255
    return mask


MASKS = {"field/a.jpg": ring(), "b.png": no_label(), "c.tif": np.full((4, 6), 255, np.uint8)}


def exported(home: Path, **options: Any) -> tuple[Path, ExportReport]:
    out = home / "out"
    wanted = ExportOptions(out=out, **options)
    return out, export_folder(labeled_config(home), wanted, NOON, lambda done, total: None)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def mask_of(out: Path, name: str) -> np.ndarray:
    return np.asarray(Image.open(out / f"masks/{name}.png"))


def test_masks_are_named_like_their_images_and_lists_follow_the_roles(tmp_path: Path) -> None:
    path = labeled_store(tmp_path, MASKS | {"d.png": ring()})
    with Store(path) as store:
        store.set_roles(Role.VALIDATION, {2: "drawn"})
        store.exclude(Exclusion.NEAR_VALIDATION, {4: "near"})

    out, report = exported(tmp_path)

    assert report.faults == []
    assert np.array_equal(mask_of(out, "a"), ring())
    assert np.array_equal(mask_of(out, "b"), no_label())
    assert read_json(out / "splits.json") == {
        "pool": ["a"],
        "train": ["a"],
        "validation": ["b"],
        "excluded": ["d"],
        "no_class": ["c"],
    }
    assert read_json(out / "classes.json") == list(CLASSES)
    assert not (out / "images").exists()


def test_what_was_exported_comes_back_pixel_for_pixel(tmp_path: Path) -> None:
    city = "city_leftImg8bit.png"
    labeled_store(tmp_path, MASKS | {city: ring()})
    out, _ = exported(tmp_path, images=True)

    back = tmp_path / "back"
    found = import_folder(out, back, ImportOptions(), lambda done, total: None)

    assert found.faults == []
    assert found.classes == CLASSES
    for name, mask in {"a": ring(), "b": no_label(), "city_leftImg8bit": ring()}.items():
        assert np.array_equal(mask_of(back, name), mask)


def test_the_history_says_who_chose_and_why_but_names_nobody_unasked(tmp_path: Path) -> None:
    labeled_store(tmp_path, MASKS)

    out, report = exported(tmp_path)
    rows = rows_of(out / "history.csv")

    assert report.asked == len(rows) == 3
    assert rows[0] == {
        "cycle": "0",
        "image_id": "1",
        "image": "field/a.jpg",
        "file": "a",
        "role": "pool",
        "rank": "1",
        "reserve": "False",
        "arm": "random",
        "reason": "reason 1",
        "state": "labeled",
        "asked_at": NOON.isoformat(),
        "labeled_at": NOON.isoformat(),
    }
    assert [row["image"] for row in read_json(out / "history.json")["asked"]] == list(MASKS)
    assert "anna" not in "".join(path.read_text() for path in out.glob("*.*"))

    out, _ = exported(tmp_path, people=True)
    assert {row["annotator"] for row in rows_of(out / "history.csv")} == {"anna"}


def test_the_curve_has_a_row_for_each_split_of_a_trained_cycle(tmp_path: Path) -> None:
    path = labeled_store(tmp_path, MASKS)
    figures = Evaluation(
        images=2, miou=0.5, iou={"soil": 0.75, "crop": 0.25, "weed": None}, miou_interval=(0.4, 0.6)
    )
    point = CurvePoint(cycle=0, labels=3, train_labels=2, validation=figures, seconds=9.0)
    with Store(path) as store:
        store.keep_evaluation("validation", point, figures)

    out, _ = exported(tmp_path)

    [row] = rows_of(out / "curve.csv")
    assert (row["split"], row["miou"], row["miou_low"]) == ("validation", "0.5", "0.4")
    assert (row["iou soil"], row["iou weed"]) == ("0.75", "")
    [kept] = read_json(out / "curve.json")["points"]
    assert kept["validation"]["iou"] == {"soil": 0.75, "crop": 0.25, "weed": None}
    assert kept["refused"] is False


def test_names_from_outside_stay_in_the_folder_and_are_told_apart(tmp_path: Path) -> None:
    names = ["../../a.png", "x/a.png", "x/a.png", "nul\0byte.png", "..", "CON.png", "=1+1.png"]
    labeled_store(tmp_path, dict.fromkeys(names[:2] + names[3:], ring()))
    with Store(tmp_path / "state/store.db") as store:
        store._write("UPDATE images SET name = 'x/a.png' WHERE id = 1")  # now there are two

    out, report = exported(tmp_path, images=True)

    files = sorted(path.name for path in (out / "images").iterdir())
    assert len({name.lower() for name in files}) == report.labels == report.images == 6
    assert files == sorted(f"{path.stem}.png" for path in (out / "masks").iterdir())
    assert all("/" not in name and "\0" not in name and name[0] != "." for name in files)
    assert "con.png" not in [name.lower() for name in files]
    assert sorted(tmp_path.iterdir()) == [tmp_path / name for name in ("out", "pictures", "state")]
    assert rows_of(out / "history.csv")[-1]["image"] == "'=1+1.png"
    _, again = exported(tmp_path, images=True)
    assert again.as_json() == report.as_json()


def test_a_label_that_cannot_be_read_is_a_fault_and_the_others_are_exported(tmp_path: Path) -> None:
    path = labeled_store(tmp_path, {name: ring() for name in ("a.png", "b.png", "c.png", "d.png")})
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("UPDATE annotations SET mask = x'00' WHERE image_id = 1")
        store.execute("UPDATE images SET height_px = 99 WHERE id = 2")
        store.execute("UPDATE annotations SET drawn_on = 'others' WHERE image_id = 3")
    (tmp_path / "pictures/4.png").unlink()

    out, report = exported(tmp_path, images=True)

    assert [fault["where"] for fault in read_json(out / REPORT)["faults"]] == [
        "label of image 'a.png'",
        "label of image 'b.png'",
        "label of image 'c.png'",
        "image 'd.png'",
    ]
    assert (report.labels, report.images) == (1, 0)
    assert [path.name for path in (out / "masks").iterdir()] == ["d.png"]
    assert [row["file"] for row in rows_of(out / "history.csv")] == ["", "", "", "d"]


def test_images_are_linked_and_copied_where_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labeled_store(tmp_path, MASKS)
    source = tmp_path / "pictures/1.png"
    original = source.rename(tmp_path / "pictures/elsewhere.png")
    source.symlink_to(original)

    out, _ = exported(tmp_path, images=True)
    assert (out / "images/a.png").samefile(original)

    def other_file_system(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_file_system)
    out, report = exported(tmp_path, images=True)
    assert (out / "images/a.png").read_bytes() == original.read_bytes()
    assert not (out / "images/a.png").samefile(original)
    assert report.images == len(MASKS)


def test_a_full_disk_ends_the_export_and_is_no_fault_of_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labeled_store(tmp_path, MASKS)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space left"):
        exported(tmp_path, images=True)
    assert not (tmp_path / "out" / REPORT).exists()


def test_an_export_that_was_stopped_is_told_by_its_report_and_repeated(tmp_path: Path) -> None:
    labeled_store(tmp_path, MASKS)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        export_folder(labeled_config(tmp_path), ExportOptions(out=out), NOON, stop)
    assert (out / MARK).exists()
    assert not (out / REPORT).exists()
    (out / "masks/of_the_stopped_one.png").touch()
    (out / "my notes.txt").write_text("mine")

    exported(tmp_path)

    assert sorted(path.name for path in (out / "masks").iterdir()) == ["a.png", "b.png", "c.png"]
    assert (out / "my notes.txt").read_text() == "mine"
    assert (out / REPORT).exists()


def test_a_folder_of_somebody_else_is_refused_untouched(tmp_path: Path) -> None:
    labeled_store(tmp_path, MASKS)
    out = tmp_path / "out"
    (out / "masks").mkdir(parents=True)

    with pytest.raises(ExportRefused, match="no export wrote"):
        exported(tmp_path)
    assert list(out.iterdir()) == [out / "masks"]

    (out / "masks").rmdir()
    with lock_file(out / MARK), pytest.raises(ExportRefused, match=f"process {os.getpid()}"):
        exported(tmp_path)


def test_an_export_that_a_loop_reads_its_images_from_is_not_emptied(tmp_path: Path) -> None:
    labeled_store(tmp_path, MASKS)
    out, _ = exported(tmp_path, images=True)
    with Store(tmp_path / "state/store.db") as store:
        store._write("UPDATE images SET path = ? WHERE id = 1", str(out / "images/a.png"))

    with pytest.raises(ExportRefused, match="the loop itself reads"):
        exported(tmp_path, images=True)
    assert (out / "images/a.png").exists()
    with pytest.raises(ExportRefused, match="the loop itself reads"):
        export_folder(labeled_config(tmp_path), ExportOptions(out=tmp_path / "state"), NOON, print)


def test_without_a_store_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ExportRefused, match="no store yet"):
        exported(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_exported_while_another_connection_writes_it(tmp_path: Path) -> None:
    path = labeled_store(tmp_path, MASKS)
    with Store(path) as store, store.atomic():
        store.set_roles(Role.VALIDATION, {1: "drawn"})
        out, _ = exported(tmp_path)
    assert read_json(out / "splits.json")["validation"] == []

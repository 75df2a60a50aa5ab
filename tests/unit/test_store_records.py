"""What comes with an annotation beside its mask, and stores of an older version."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from daemon.config.loading import Config
from daemon.domain import Calibration, ClassPixels, Correction, CurvePoint, Evaluation, Skip, Stage
from daemon.domain.errors import StoreTooOld
from daemon.store import FILE, Store
from daemon.store.migrations import migrations
from tests.fakes.labels import NOON, annotation, image
from tests.fakes.status_json import status_json
from tests.fakes.versions import version

CUT = "1 regions leave the image: what lies outside was cut off"


def of_the_first_release(path: Path) -> None:
    """A store as the first release wrote it, with one annotation."""
    db = Database(path)
    migrations.apply(db, stop_before="m002_notes")
    insert_first_rows(db)
    db.close()


def insert_first_rows(db: Database) -> None:
    """An image and its annotation, in the columns of the first release."""
    row = dict.fromkeys(("key", "name", "uri", "path", "sha256"), "x")
    db.table("images").insert(
        {**row, "id": 1, "height_px": 2, "width_px": 3, "role": "pool", "role_reason": ""}
    )
    times = dict.fromkeys(("created_at", "updated_at"), "2026-01-01T12:00:00+00:00")
    db.table("annotations").insert(
        {"id": "1", "image_id": 1, "task": "t1", "annotator": "anna", "mask": b"", **times}
        | {"ground_truth": 0, "deleted": 0}
    )


def test_a_store_of_the_first_release_is_brought_up_to_date(tmp_path: Path) -> None:
    of_the_first_release(tmp_path / FILE)

    with Store(tmp_path / FILE) as store:
        store.keep_annotation(1, replace(annotation("2"), notes=(CUT,)))

        assert store.labeled_ids() == {1}
        assert [row.where for row in store.annotation_notes()] == ["annotation 2 of task t1"]


def test_a_store_that_kept_scores_and_lost_efforts_is_brought_up_to_date(tmp_path: Path) -> None:
    """As the releases before wrote it: a row a score, which its run folder holds too; efforts that
    were not measured; evaluations without what stands beside the IoU."""
    path = tmp_path / FILE
    db = Database(path)
    migrations.apply(db, stop_before="m017_corrections")
    insert_first_rows(db)
    db.execute("UPDATE annotations SET shown = ?", [version(1, 1)])
    cycle = {"id": 1, "stage": "score", "started_at": NOON.isoformat(), "labels": 2}
    db.table("cycles").insert(cycle | {"train_labels": 1})
    db.table("scores").insert({"cycle": 1, "image_id": 1, "uncertainty": 0.5})
    measured = {"cycle": 1, "split": "validation", "labels": 2, "train_labels": 1, "images": 1}
    db.table("evaluations").insert(measured | {"miou": 0.5, "iou": '{"soil": 0.5}'})
    db.close()

    with Store(path) as store:
        assert [row.id for row in store.unmeasured_answers(5)] == ["1"]
        assert store.unmeasured_labels() == {"": 1}
        [point] = store.curve()
        assert point.validation == Evaluation(images=1, miou=0.5, iou={"soil": 0.5})
        tables = {row["name"] for row in store._rows("SELECT name FROM sqlite_master")}
        assert "scores" not in tables


def test_all_that_was_measured_of_a_model_is_kept_and_shown(tmp_path: Path) -> None:
    config = Config(home=tmp_path)
    calibration = Calibration(ece=0.04, nll=0.3, temperature=1.2, ece_scaled=0.01, nll_scaled=0.2)
    full = Evaluation(
        images=16,
        miou=0.5,
        iou={"soil": 0.9, "crop": 0.1, "weed": None},
        miou_interval=(0.4, 0.6),
        image_miou=0.45,
        boundary_iou={"soil": 0.7, "crop": 0.0, "weed": None},
        confusion=((90, 10, 0), (5, 5, 0), (0, 0, 0)),
        calibration=calibration,
        precision="fp32",
    )
    plain = Evaluation(images=8, miou=None, iou={"soil": None}, image_miou=0.0)
    with Store(config.state / FILE) as store:
        store.start_cycle(1, Stage.TRAIN, NOON, labels=20, train_labels=4)
        point = CurvePoint(cycle=1, labels=20, train_labels=4, validation=full)
        store.keep_evaluation("validation", point, full)
        store.keep_evaluation("test", point, plain)

        [found] = store.curve()

    assert found.validation == full
    assert found.test == plain
    [entry] = status_json(config)["evaluations"]
    assert entry["image_miou"] == 0.45
    assert entry["boundary_iou"] == {"soil": 0.7, "crop": 0.0, "weed": None}
    assert entry["confusion"] == [[90, 10, 0], [5, 5, 0], [0, 0, 0]]
    assert entry["calibration"] == asdict(calibration)
    assert entry["test_image_miou"] == 0.0
    assert "test_calibration" not in entry
    json.dumps(entry, allow_nan=False)


def test_a_reader_of_an_older_store_is_told_to_start_the_daemon(tmp_path: Path) -> None:
    config = Config(home=tmp_path)
    config.state.mkdir()
    of_the_first_release(config.state / FILE)

    with pytest.raises(StoreTooOld, match=r"m002_notes.*maskloop run"):
        status_json(config)

    with Store(config.state / FILE, read_only=True) as store:
        store.backup(tmp_path / "copy.db")  # a copy needs no schema


def test_notes_stay_with_the_annotation_that_is_there(tmp_path: Path) -> None:
    with Store(tmp_path / FILE) as store:
        store.add_image(image("a"), None)
        store.keep_annotation(1, replace(annotation("1"), notes=(CUT,)))
        store.keep_annotation(1, annotation("2"))

        [row] = store.annotation_notes()
        assert (row.image_name, row.notes) == ("a", (CUT,))
        store.keep_annotation(1, annotation("1", minutes=1))  # drawn again, all inside
        assert store.annotation_notes() == []

        store.keep_annotation(1, replace(annotation("1", minutes=2), notes=(CUT,)))
        store.delete_annotations(["1"])
        assert store.annotation_notes() == []


def test_one_number_for_the_answers_of_two_tasks_costs_neither(tmp_path: Path) -> None:
    with Store(tmp_path / FILE) as store:
        store.add_image(image("a"), None)
        store.add_image(image("b"), None)
        soil = ClassPixels(shown_px=4, submitted_px=2, kept_px=2)
        effort = Correction(changed_share=0.5, classes={"soil": soil})
        first = replace(annotation("1"), task="1", prediction_version=version(1, 1))
        store.keep_annotation(1, first, effort)

        store.keep_annotation(2, replace(annotation("1"), task="2"))
        store.keep_skip(2, Skip(id="1", task="3", image_key="b", annotator="eve", at=NOON))

        assert store.labeled_ids() == {1, 2}
        assert store.skip_counts() == {2: 1}
        assert store._rows("SELECT annotation FROM corrections") == [{"annotation": "1#1"}]

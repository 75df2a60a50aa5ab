"""What comes with an annotation beside its mask, and stores of an older version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from daemon.config import Config
from daemon.domain import Effort, Skip
from daemon.errors import StoreTooOld
from daemon.migrations import migrations
from daemon.status import snapshot
from daemon.store import FILE, Store
from tests.unit.test_store import NOON, annotation, image

CUT = "1 regions leave the image: what lies outside was cut off"


def of_the_first_release(path: Path) -> None:
    """A store as the first release wrote it, with one annotation."""
    db = Database(path)
    migrations.apply(db, stop_before="m002_notes")
    row = dict.fromkeys(("key", "name", "uri", "path", "sha256"), "x")
    db.table("images").insert(
        {**row, "id": 1, "height_px": 2, "width_px": 3, "role": "pool", "role_reason": ""}
    )
    times = dict.fromkeys(("created_at", "updated_at"), "2026-01-01T12:00:00+00:00")
    db.table("annotations").insert(
        {"id": "1", "image_id": 1, "task": "t1", "annotator": "anna", "mask": b"", **times}
        | {"ground_truth": 0, "deleted": 0}
    )
    db.close()


def test_a_store_of_the_first_release_is_brought_up_to_date(tmp_path: Path) -> None:
    of_the_first_release(tmp_path / FILE)

    with Store(tmp_path / FILE) as store:
        store.keep_annotation(1, replace(annotation("2"), notes=(CUT,)))

        assert store.labeled_ids() == {1}
        assert [row["place"] for row in store.noted()] == ["annotation 2 of task t1"]


def test_a_reader_of_an_older_store_is_told_to_start_the_daemon(tmp_path: Path) -> None:
    config = Config(home=tmp_path)
    config.state.mkdir()
    of_the_first_release(config.state / FILE)

    with pytest.raises(StoreTooOld, match=r"m002_notes.*maskloop run"):
        snapshot(config)

    with Store(config.state / FILE, read_only=True) as store:
        store.backup(tmp_path / "copy.db")  # a copy needs no schema


def test_notes_stay_with_the_annotation_that_is_there(tmp_path: Path) -> None:
    with Store(tmp_path / FILE) as store:
        store.add_image(image("a"), None)
        store.keep_annotation(1, replace(annotation("1"), notes=(CUT,)))
        store.keep_annotation(1, annotation("2"))

        [row] = store.noted()
        assert (row["image"], row["notes"]) == ("a", [CUT])
        store.keep_annotation(1, annotation("1", minutes=1))  # drawn again, all inside
        assert store.noted() == []

        store.keep_annotation(1, replace(annotation("1", minutes=2), notes=(CUT,)))
        store.delete_annotations(["1"])
        assert store.noted() == []


def test_one_number_for_the_answers_of_two_tasks_costs_neither(tmp_path: Path) -> None:
    with Store(tmp_path / FILE) as store:
        store.add_image(image("a"), None)
        store.add_image(image("b"), None)
        effort = Effort(changed_share=0.5, iou={"soil": 0.5})
        store.keep_annotation(1, replace(annotation("1"), task="1", shown="0.1"), effort)

        store.keep_annotation(2, replace(annotation("1"), task="2"))
        store.keep_skip(2, Skip(id="1", task="3", image_key="b", annotator="eve", at=NOON))

        assert store.labeled_ids() == {1, 2}
        assert store.skip_counts() == {2: 1}
        assert store._rows("SELECT annotation FROM corrections") == [{"annotation": "1#1"}]

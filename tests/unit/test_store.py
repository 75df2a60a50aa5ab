from __future__ import annotations

import io
import multiprocessing
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from sqlite_utils.utils import sqlite3

from daemon.domain import (
    Annotation,
    Fault,
    Pick,
    Role,
    Skip,
    Stage,
    TaskState,
)
from daemon.domain.errors import StoreInUse, StoreTooNew
from daemon.store import Store, sole_writer
from daemon.store.migrations import migrations
from tests.fakes.labels import NOON, annotation, image, push


def label(store: Store, image_id: int) -> int:
    with Pillow.open(io.BytesIO(store.label_png(image_id))) as png:
        return int(np.asarray(png)[0, 0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as store:
        for key in ("a", "b"):
            store.add_image(image(key), None)
        store.start_cycle(0, Stage.EMBED, NOON, labels=0, train_labels=0)
        yield store


def test_an_image_that_is_listed_twice_is_one_image(store: Store) -> None:
    store.add_image(image("a"), None)

    assert [found.key for found in store.images()] == ["a", "b"]


def test_a_role_stays_with_its_image(store: Store) -> None:
    store.set_roles(Role.VALIDATION, {2: "drawn"})

    assert [found.role for found in store.images()] == [Role.POOL, Role.VALIDATION]


def test_the_latest_annotation_is_the_label(store: Store) -> None:
    store.keep_annotation(1, annotation("1", value=1, minutes=0))
    store.keep_annotation(1, annotation("2", value=2, minutes=5))

    assert label(store, 1) == 2


def test_ground_truth_comes_before_the_latest(store: Store) -> None:
    first = annotation("1", value=1)
    store.keep_annotation(1, Annotation(**{**vars(first), "ground_truth": True}))
    store.keep_annotation(1, annotation("2", value=2, minutes=5))

    assert label(store, 1) == 1


def test_the_first_annotation_may_be_the_label(store: Store) -> None:
    store.keep_annotation(1, annotation("1", value=1, minutes=9))
    store.keep_annotation(1, annotation("2", value=2, minutes=5))

    store.set_label_policy("first")
    first = label(store, 1)
    store.set_label_policy("latest")

    assert (first, label(store, 1)) == (2, 1)


def test_what_was_read_last_holds_although_the_tools_clock_was_set_back(store: Store) -> None:
    store.keep_annotation(1, annotation("1", value=2, minutes=5))
    store.keep_annotation(1, annotation("1", value=1, minutes=0))

    assert label(store, 1) == 1


def test_a_deleted_annotation_is_no_label(store: Store) -> None:
    store.keep_annotation(1, annotation("1"))
    store.delete_absent_annotations({"t1": ()})

    assert store.labeled_ids() == set()


def test_two_skips_by_one_person_count_once(store: Store) -> None:
    for number in ("1", "2"):
        store.keep_skip(1, Skip(id=number, task="t1", image_key="a", annotator="anna", at=NOON))

    assert store.skip_counts() == {1: 1}


def test_a_push_that_is_settled_twice_asks_once(store: Store) -> None:
    store.enqueue_push(push("k", 1, 2), NOON)

    for _ in range(2):
        store.record_push(push("k", 1, 2), {1: "t1", 2: "t2"}, NOON)

    assert [row.id for row in store.tasks(TaskState.OPEN)] == ["t1", "t2"]
    assert store.pending_pushes() == []


def test_an_image_on_its_way_counts_as_asked(store: Store) -> None:
    store.enqueue_push(push("k", 2), NOON)

    assert store.queried_ids() == {2}


def test_the_number_of_a_deleted_task_can_be_used_again(store: Store) -> None:
    store.record_push(push("k", 1), {1: "t1"}, NOON)
    store.set_task_state(["t1"], TaskState.DELETED, NOON)

    store.record_push(push("l", 2), {2: "t1"}, NOON)

    assert [(row.id, row.image_id) for row in store.tasks(TaskState.OPEN)] == [("t1", 2)]


def test_picks_come_back_in_rank_order_and_apart_from_the_reserve(store: Store) -> None:
    picks = [
        Pick(image_id=i, rank=rank, arm="x", reason="r") for rank, i in enumerate((2, 1), start=1)
    ]

    for _ in range(2):
        store.save_picks(0, picks[:1], picks[1:])

    assert store.picks(0) == picks[:1]
    assert store.reserve(0) == picks[1:]


def test_a_failed_save_keeps_the_former_picks(store: Store) -> None:
    good = Pick(image_id=1, rank=1, arm="x", reason="r")
    store.save_picks(0, [good], [])

    with pytest.raises(sqlite3.IntegrityError):
        store.save_picks(0, [Pick(image_id=404, rank=1, arm="x", reason="r")], [])

    assert store.picks(0) == [good]


def test_a_place_is_quarantined_once_with_its_newest_reason(store: Store) -> None:
    for got in ("old", "new"):
        store.quarantine([Fault(where="image a", got=got, expected="e", cure="c")], NOON)

    assert [row.got for row in store.quarantined()] == ["new"]


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        store.add_event("info", "x", datetime(2026, 1, 1))  # noqa: DTZ001 (that is the point)


def test_a_read_only_store_cannot_write(store: Store, path: Path) -> None:
    with Store(path, read_only=True) as reader, pytest.raises(sqlite3.OperationalError):
        reader.keep_fact("x", "y")


def test_a_store_of_a_newer_version_is_refused(store: Store, path: Path) -> None:
    raw = sqlite3.connect(path)
    raw.execute(
        f"INSERT INTO {migrations.migrations_table} (migration_set, name, applied_at) "
        "VALUES ('daemon', 'm999_future', 'now')"
    )
    raw.commit()
    raw.close()

    with pytest.raises(StoreTooNew, match="m999_future"):
        Store(path)


def test_a_backup_restores_everything(store: Store, tmp_path: Path) -> None:
    store.keep_annotation(1, annotation("1", value=7))

    store.backup(tmp_path / "copy.db")

    with Store(tmp_path / "copy.db") as copy:
        assert label(copy, 1) == 7


def test_a_second_daemon_is_refused_and_told_who_holds_the_store(tmp_path: Path) -> None:
    with sole_writer(tmp_path):
        child = multiprocessing.get_context("spawn").Process(target=_try_to_hold, args=(tmp_path,))
        child.start()
        child.join()

    assert child.exitcode == 0


def _try_to_hold(folder: Path) -> None:
    with pytest.raises(StoreInUse, match="in use by process"), sole_writer(folder):
        pass

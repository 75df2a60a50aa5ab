"""The store's verbs on what an image is; a store of before is brought up to date without loss."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlite_utils import Database

from daemon.domain import (
    Annotation,
    Exclusion,
    FoundImage,
    LostLabels,
    Push,
    QueuedTask,
    Role,
    Stage,
    TaskState,
)
from daemon.store import Store
from daemon.store.migrations import migrations
from tests.fakes.labels import NOON, image


def annotation(number: str, minutes: int = 0, task: str = "t1") -> Annotation:
    at = NOON + timedelta(minutes=minutes)
    return Annotation(
        id=number,
        task=task,
        image_key="a",
        mask=np.ones((2, 3), np.uint8),
        annotator="anna",
        updated_at=at,
        created_at=NOON,
    )


def found(key: str, task: str | None = None) -> FoundImage:
    return FoundImage(key=key, name=key, uri=key, task=task)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.db") as store:
        for key, task in (("a", "1"), ("b", "2")):
            store.add_image(image(key), task)
        store.start_cycle(0, Stage.EMBED, NOON, labels=0, train_labels=0)
        yield store


def asked(store: Store, image_id: int, task: str) -> None:
    new = QueuedTask(image_id=image_id, position=0, arm="x", reason="r")
    push = Push(key=f"push {task}", cycle=0, version="0.1", tasks=(new,))
    store.enqueue_push(push, NOON)
    store.record_push(push, {image_id: task}, NOON)


def test_a_renewed_image_is_found_by_both_keys_and_keeps_all_else(store: Store) -> None:
    store.set_roles(Role.VALIDATION, {1: "drawn"})

    store.renew_image(1, found("c", "7"))

    assert [(one.id, one.key, one.role) for one in store.images()] == [
        (1, "c", Role.VALIDATION),
        (2, "b", Role.POOL),
    ]
    assert store.former_keys() == {"a": 1}
    assert store.image_tasks() == {1: "7", 2: "2"}


def test_sizes_are_found_by_the_key_of_now_and_by_former_ones(store: Store) -> None:
    store.renew_image(1, found("c"))
    store.add_former_key("d", 2)

    assert store.image_sizes() == {"a": (1, 2, 3), "c": (1, 2, 3), "b": (2, 2, 3), "d": (2, 2, 3)}


def test_a_write_that_fails_inside_a_commit_takes_nothing_else_with_it(store: Store) -> None:
    with store.atomic():
        store.keep_fact("before", "1")
        with pytest.raises(sqlite3.IntegrityError):
            store.start_cycle(0, Stage.EMBED, NOON, labels=0, train_labels=0)
        store.keep_fact("after", "2")

    assert (store.fact("before"), store.fact("after")) == ("1", "2")


def test_an_address_that_returns_is_no_former_one(store: Store) -> None:
    store.renew_image(1, found("c"))
    store.renew_image(1, found("a"))

    assert store.former_keys() == {"c": 1}


def test_a_new_image_at_a_former_address_has_it_for_itself(store: Store) -> None:
    store.renew_image(1, found("c"))
    store.add_image(image("a", "other"), "1")

    assert store.former_keys() == {}
    assert store.image_tasks() == {2: "2", 3: "1"}  # the number was given out again


@pytest.mark.parametrize("state", [TaskState.OPEN, TaskState.DELETED, TaskState.LABELED])
def test_a_question_moves_with_its_image(store: Store, state: TaskState) -> None:
    asked(store, 1, "1")
    store.set_task_state(["1"], state, NOON)

    store.move_task(1, "1", "101", NOON)

    (row,) = store.tasks()
    expected = TaskState.LABELED if state is TaskState.LABELED else TaskState.OPEN
    assert (row.id, row.state) == ("101", expected)
    assert row.closed_at  # so that it gets its place anew


def test_a_question_moves_although_its_number_went_to_another_image(store: Store) -> None:
    asked(store, 1, "1")
    store.reassign_task("1", 2, NOON)

    store.move_task(1, "1", "101", NOON)

    assert [(row.id, row.state) for row in store.tasks()] == [("101", TaskState.OPEN)]


def test_a_label_counts_for_the_bytes_that_it_was_drawn_on(store: Store) -> None:
    store.keep_annotation(1, annotation("5"))
    store.replace_bytes(1, image("a", "new"), cycle=3)
    store.keep_annotation(1, annotation("5"))  # the tool tells it again
    assert store.unconfirmed_ids() == {1}
    assert store.labeled_ids() == {1}
    assert store.informative_ids() == set()
    assert store.replaced_in() == {1: 3}

    store.keep_annotation(1, annotation("5", minutes=1))

    assert store.unconfirmed_ids() == set()
    assert store.informative_ids() == {1}


def test_old_bytes_that_return_need_no_confirmation(store: Store) -> None:
    store.keep_annotation(1, annotation("5"))
    store.replace_bytes(1, image("a", "new"), cycle=None)
    store.replace_bytes(1, image("a"), cycle=None)

    assert store.informative_ids() == {1}


def test_a_model_is_marked_with_its_labels_that_count_no_more(store: Store) -> None:
    store.keep_annotation(1, annotation("5"))
    store.keep_annotation(2, annotation("6", task="t2"))
    store.keep_used_labels(0, ["5", "6"])
    assert store.lost_labels() == {}

    store.delete_annotations(["5"])
    store.replace_bytes(2, image("b", "new"), cycle=0)

    assert store.lost_labels() == {0: LostLabels(deleted=1, unconfirmed=1)}


def test_an_image_that_is_set_aside_is_known_by_the_stamp_of_its_file(store: Store) -> None:
    store.exclude(Exclusion.UNREADABLE, {1: "a run could not use it"})
    store.keep_aside_stamp(1, "5-100")
    assert [one.aside_stamp for one in store.known_images()] == ["5-100", None]

    store.readmit([1], "whole again")

    assert [one.aside_stamp for one in store.known_images()] == [None, None]
    assert store.role_counts() == {"pool": 2}


def test_a_store_of_before_is_brought_up_to_date_without_loss(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    database = Database(path)
    migrations.apply(database, stop_before="m008_identity")
    columns = "(key, name, uri, path, height_px, width_px, sha256, role, role_reason)"
    database.execute(
        f"INSERT INTO images {columns} VALUES ('a', 'a', 'a', 'a', 2, 3, 'sha-a', 'pool', '')"
    )
    database.execute(
        f"INSERT INTO images {columns} VALUES "
        "('b', 'b', 'b', 'b', 2, 3, 'sha-b', 'excluded', 'a run could not use it')"
    )
    database.execute(
        "INSERT INTO annotations (id, image_id, task, annotator, mask, created_at, updated_at, "
        "ground_truth) VALUES ('5', 1, 't', 'anna', x'00', ?, ?, 0)",
        [NOON.isoformat(), NOON.isoformat()],
    )
    database.conn.commit()
    database.close()

    with Store(path) as store:
        assert store.labeled_ids() == store.informative_ids() == {1}
        assert store.unconfirmed_ids() == set()
        assert [one.aside_stamp for one in store.known_images()] == [None, ""]
        store.replace_bytes(1, image("a", "new"), cycle=None)
        assert store.unconfirmed_ids() == {1}
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT drawn_on FROM annotations").fetchall() == [("sha-a",)]

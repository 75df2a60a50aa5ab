"""What the store remembers of a cycle beyond what it picked and measured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from daemon.domain import Push, QueuedTask, Stage, StageTime, TaskState
from daemon.store import Store
from daemon.store.migrations import migrations
from tests.fakes.labels import NOON

HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.db") as opened:
        opened.start_cycle(1, Stage.TRAIN, NOON, labels=8, train_labels=4)
        yield opened


def seconds(store: Store) -> float | None:
    (row,) = store.stage_times()
    return row.seconds


def test_time_is_counted_between_two_looks_of_one_daemon(store: Store) -> None:
    assert seconds(store) is None
    store.add_stage_time(1, Stage.TRAIN, NOON, "first")
    store.add_stage_time(1, Stage.TRAIN, NOON + HOUR, "first")
    assert seconds(store) == 3600.0

    store.add_stage_time(1, Stage.TRAIN, NOON + 9 * HOUR, "second")
    store.add_stage_time(1, Stage.TRAIN, NOON + 9.5 * HOUR, "second")

    assert seconds(store) == 5400.0
    assert store.cycle_seconds(1) == 5400.0


def test_a_clock_that_is_set_back_takes_nothing_away(store: Store) -> None:
    store.add_stage_time(1, Stage.TRAIN, NOON, "first")
    store.add_stage_time(1, Stage.TRAIN, NOON - HOUR, "first")
    store.add_stage_time(1, Stage.TRAIN, NOON, "first")

    assert seconds(store) == 3600.0


def test_a_stage_that_is_entered_anew_does_not_count_the_days_between(store: Store) -> None:
    store.add_stage_time(1, Stage.TRAIN, NOON, "first")
    store.add_stage_time(1, Stage.TRAIN, NOON + HOUR, "first")
    store.end_stage_time(1, Stage.TRAIN)

    store.add_stage_time(1, Stage.TRAIN, NOON + 99 * HOUR, "first")
    store.add_stage_time(1, Stage.TRAIN, NOON + 100 * HOUR, "first")

    assert seconds(store) == 7200.0


def test_a_cycle_is_served_by_its_own_model_unless_that_was_refused(store: Store) -> None:
    store.start_cycle(2, Stage.TRAIN, NOON, labels=12, train_labels=8)

    store.keep_serving(1, 1)
    store.keep_serving(2, 1)

    assert (store.serving(1), store.serving(2), store.serving(3)) == (1, 1, 3)
    assert store.refused_cycles() == {2: 1}


def test_a_task_that_was_taken_back_may_be_asked_under_its_old_number(tmp_path: Path) -> None:
    with Store(tmp_path / "store.db") as store:
        store.start_cycle(0, Stage.PUSH, NOON, labels=0, train_labels=0)
        store._insert("images", painted(7))
        settle(store, "first")
        assert store.queried_ids() == {7}
        store.set_task_state(["70"], TaskState.RETIRED, NOON)
        assert store.queried_ids() == set()

        settle(store, "second")

        (row,) = store.tasks()
        assert (row.id, row.state, row.closed_at) == ("70", "open", None)
        assert store.queried_ids() == {7}


def settle(store: Store, key: str) -> None:
    new = QueuedTask(image_id=7, position=0, arm="random", reason="why")
    push = Push(key=key, cycle=0, version="0.1-aa", tasks=(new,))
    store.enqueue_push(push, NOON)
    store.record_push(push, {7: "70"}, NOON)


def painted(number: int) -> dict[str, object]:
    row = {"key": "k", "name": "n", "uri": "u", "path": "p", "sha256": "s", "role": "pool"}
    return row | {"id": number, "height_px": 2, "width_px": 2, "role_reason": ""}


def test_a_store_of_an_earlier_release_is_taken_over_without_loss(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    old = Database(path)
    migrations.apply(old, stop_before="m016_story_of_a_cycle")
    cycle = {"id": 1, "stage": "score", "started_at": NOON.isoformat(), "labels": 8}
    old.table("cycles").insert(cycle | {"train_labels": 4})
    stage = {"cycle": 1, "stage": "train", "started_at": NOON.isoformat()}
    old.table("stages").insert(stage | {"finished_at": (NOON + HOUR).isoformat()})
    old.close()

    with Store(path) as store:
        (row,) = store.stage_times()
        assert row == StageTime(
            cycle=1, stage=Stage.TRAIN, started_at=NOON, finished_at=NOON + HOUR, seconds=None
        )
        assert store.serving(1) == 1
        assert store.refused_cycles() == {}
        assert store.labels_by_annotator(1) == {}
        assert store.labels_at_start(1) == 8


def test_numbers_that_are_shown_together_are_of_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store(path) as writer:
        writer.keep_fact("labels", "8")
        with Store(path, read_only=True) as reader:
            with reader.read_transaction():
                assert reader.fact("labels") == "8"
                writer.keep_fact("labels", "9")
                assert reader.fact("labels") == "8"
            assert reader.fact("labels") == "9"

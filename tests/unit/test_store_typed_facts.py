"""The schema steps from m018 on: what earlier releases wrote into texts becomes columns."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from daemon.domain import QueuedTask, RefusedAnswer, Stage, TaskState
from daemon.store import FILE, Store
from daemon.store.migrations import migrations
from tests.fakes.labels import NOON, image, push

REASON = "cycle 0, asked ahead of the first model: kcenter; far from all"
REFUSAL = (
    "Asked again: the last mask could not be used (got {}; expected {}). Please draw it anew. "
)


@pytest.fixture
def old(tmp_path: Path) -> Database:
    """A store as the release before m018 left it: two images, a cycle."""
    with Store(tmp_path / "new.db") as store:
        for key in ("a", "b"):
            store.add_image(image(key), None)
        rows = store._rows("SELECT * FROM images")
    database = Database(tmp_path / FILE)
    migrations.apply(database, stop_before="m018_refused_answers")
    database.table("images").insert_all(rows)
    cycle = {"id": 0, "stage": Stage.DONE, "started_at": NOON.isoformat(), "labels": 0}
    database.table("cycles").insert(cycle | {"train_labels": 0})
    return database


def test_why_an_image_is_asked_again_is_taken_out_of_the_reason(
    old: Database, tmp_path: Path
) -> None:
    task = {"cycle": 0, "arm": "kcenter", "state": "open", "asked_at": NOON.isoformat()}
    reason = REFUSAL.format("the label 'x; expected (y'", "one of 'crop', 'weed'") + REASON
    old.table("tasks").insert_all(
        [
            {"task": "1", "image_id": 1, "position": 0, "reason": REASON} | task,
            {"task": "2", "image_id": 2, "position": 1, "reason": reason} | task,
        ]
    )
    old.close()

    with Store(tmp_path / FILE) as store:
        first, second = store.tasks(TaskState.OPEN)

    assert (first.reason, first.refused, first.words) == (REASON, None, REASON)
    assert second.reason == REASON
    assert second.refused is not None
    assert second.refused.got.startswith("the label 'x")
    assert second.words == reason.replace("anew", "again")


def test_a_push_on_its_way_is_sent_as_it_was_written_down(old: Database, tmp_path: Path) -> None:
    reason = REFUSAL.format("a broken PNG", "a mask") + REASON
    tasks = [
        {"image_id": 1, "position": 4, "arm": "x", "reason": reason, "anew": True},
        {"image_id": 2, "position": 5, "arm": "x", "reason": REASON},  # of the first releases
    ]
    row = {"key": "k", "cycle": 0, "version": "0.1", "payload": json.dumps(tasks)}
    old.table("outbox").insert(row | {"state": "pending", "created_at": NOON.isoformat()})
    old.close()

    with Store(tmp_path / FILE) as store:
        (pending,) = store.pending_pushes()

    again, new = pending.tasks
    refused = RefusedAnswer(got="a broken PNG", expected="a mask")
    assert again == QueuedTask(
        image_id=1, position=4, arm="x", reason=REASON, needs_new_task=True, refused=refused
    )
    assert new == QueuedTask(image_id=2, position=5, arm="x", reason=REASON)


def test_ranks_count_from_one(old: Database, tmp_path: Path) -> None:
    pick = {"cycle": 0, "arm": "x", "reason": "r", "reserve": 0}
    old.table("picks").insert_all(
        [pick | {"rank": 0, "image_id": 2}, pick | {"rank": 1, "image_id": 1}]
    )
    old.close()

    with Store(tmp_path / FILE) as store:
        assert [(found.rank, found.image_id) for found in store.picks(0)] == [(1, 2), (2, 1)]


def test_a_task_remembers_the_answer_that_was_refused(tmp_path: Path) -> None:
    refused = RefusedAnswer(got="x" * 300, expected="a mask")
    with Store(tmp_path / FILE) as store:
        store.add_image(image("a"), None)
        store.start_cycle(0, Stage.EMBED, NOON, labels=0, train_labels=0)
        (first,) = push("k", 1).tasks
        sent = replace(push("k", 1), tasks=(replace(first, refused=refused),))
        store.enqueue_push(sent, NOON)
        assert store.pending_pushes() == [sent]
        store.record_push(sent, {1: "7"}, NOON)

        (task,) = store.tasks()

    assert task.refused == refused
    assert task.words.startswith("Asked again: the last mask could not be used (got xxx")
    assert len(task.words) < 350  # annotators read the beginning of each half
    assert task.words.endswith("expected a mask). Please draw it again. r")

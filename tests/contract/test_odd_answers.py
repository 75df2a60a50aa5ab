"""Odd tasks and annotations from Label Studio: each judged by itself, the others go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.odd_desk import answered, desk
from tests.contract.test_asked_again import Desk
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.odd_server import Instead
from tests.fakes.status_json import status_json

__all__ = ["desk"]


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("lead_time", 1.7e12, "lead_time"),
        ("lead_time", "long", "lead_time"),
        ("ground_truth", "yes", "ground_truth"),
        ("parent_prediction", {"id": 3}, "parent_prediction"),
        ("parent_prediction", 10**30, "parent_prediction"),
        ("completed_by", [3], "completed_by"),
        ("updated_at", "10000-01-01T00:00:00Z", "updated_at"),
        ("created_at", "2026-01-01T00:00:00", "created_at"),
    ],
)
def test_a_label_is_kept_where_a_figure_beside_it_is_absurd(
    fake: FakeLabelStudio, desk: Desk, field: str, value: Any, word: str
) -> None:
    first, _ = answered(desk, 2)
    fake.labeling.annotations[int(first)][field] = value

    desk.look()

    assert len(desk.store.labeled_ids()) == 2
    assert desk.store.quarantined() == []
    (note,) = desk.store.annotation_notes()
    assert note.where.startswith(f"annotation {first} of task")
    assert f"{word} is taken as unknown" in note.notes[0]
    assert status_json(desk.context.config)["notes"][0]["notes"] == list(note.notes)


def test_an_author_who_is_told_as_an_object_or_was_deleted_is_shown(
    fake: FakeLabelStudio, desk: Desk
) -> None:
    first, second = answered(desk, 2)
    fake.labeling.annotations[int(first)]["completed_by"] = {"id": 7, "email": "\udce9@x"}
    fake.labeling.annotations[int(second)]["completed_by"] = None

    desk.look()

    people = [one["annotator"] for one in status_json(desk.context.config)["batch"]["images"]]
    assert sorted(people) == ["7", "unknown"]
    assert desk.store.annotation_notes() == []


def test_what_cannot_be_used_is_one_fault_each_and_the_others_are_kept(
    fake: FakeLabelStudio, desk: Desk
) -> None:
    first, second, third, *_ = answered(desk, 5)
    fake.labeling.annotations[int(first)]["was_cancelled"] = "perhaps"
    fake.labeling.annotations[int(second)]["result"] = {"nested": [[[]]]}
    fake.labeling.annotations[int(third)]["result"] = [{"type": "bitmasklabels", "value": 7}]

    desk.look()

    assert len(desk.store.labeled_ids()) == 2
    places = [row.where.split(" of ")[0] for row in desk.store.quarantined()]
    assert sorted(places) == sorted(f"annotation {one}" for one in (first, second, third))
    assert {row.state for row in desk.store.quarantined()} == {"asked again"}


def test_a_fault_that_is_cured_leaves_the_quarantine(fake: FakeLabelStudio, desk: Desk) -> None:
    (first,) = answered(desk, 1)
    fake.labeling.annotations[int(first)]["was_cancelled"] = "perhaps"
    desk.look()
    assert len(status_json(desk.context.config)["quarantine"]) == 1

    fake.labeling.edit_annotation(int(first), {"was_cancelled": False})
    desk.look()

    assert status_json(desk.context.config)["quarantine"] == []
    assert len(desk.store.labeled_ids()) == 1


def test_an_unusable_answer_that_becomes_a_skip_leaves_the_quarantine(
    fake: FakeLabelStudio, desk: Desk
) -> None:
    (first,) = answered(desk, 1)
    fake.labeling.annotations[int(first)]["was_cancelled"] = "perhaps"
    desk.look()

    fake.labeling.edit_annotation(int(first), {"was_cancelled": True})
    desk.look()

    assert status_json(desk.context.config)["quarantine"] == []
    assert list(desk.store.skip_counts().values()) == [1]


def test_a_task_without_an_image_is_one_fault_until_it_is_corrected(
    fake: FakeLabelStudio, desk: Desk
) -> None:
    answered(desk, 1)
    (task,) = fake.labeling.import_tasks(desk.tool.project, [{"data": {"image": ["a.png"]}}])[
        "task_ids"
    ]
    for _ in range(3):
        desk.look()

    (fault,) = desk.store.quarantined()
    assert (fault.where, fault.got) == (f"task {task}", "list ['a.png']")
    assert "'image'" in fault.cure

    image = next(iter(desk.tool.images))
    fake.labeling.patch_task(task, {"data": {"image": image}})
    desk.look()
    assert desk.store.quarantined() == []


def test_the_fault_of_a_task_that_people_delete_is_gone(fake: FakeLabelStudio, desk: Desk) -> None:
    answered(desk, 1)
    (task,) = fake.labeling.import_tasks(desk.tool.project, [{"data": {"image": None}}])["task_ids"]
    desk.look()
    assert [row.where for row in desk.store.quarantined()] == [f"task {task}"]

    fake.labeling.delete_task(task)
    desk.look()

    assert desk.store.quarantined() == []


def odd_row(task: int, change: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """This task says something else."""

    def spoil(body: dict[str, Any]) -> dict[str, Any]:
        for row in body["tasks"]:
            row |= change if row["id"] == task and "data" in row else {}
        return body

    return spoil


@pytest.mark.parametrize(
    "change",
    [
        {"id": None}, {"id": "7"}, {"id": 10**30}, {"id": [1]}, {"data": "no"}, {"data": None},
        {"data": {"image": 3}},
    ],
)  # fmt: skip
def test_an_odd_task_is_a_fault_and_the_others_are_read(
    fake: FakeLabelStudio, desk: Desk, change: dict[str, Any]
) -> None:
    first, *_ = answered(desk, 3)
    task = fake.labeling.annotations[int(first)]["task"]

    with Instead(fake, odd_row(task, change)):
        changes = desk.context.connector.changes(None, desk.tool.sizes)

    assert len(changes.annotations) == 2
    assert any(fault.task for fault in changes.faults)


@pytest.mark.parametrize(
    "change",
    [
        {"updated_at": None}, {"updated_at": "10000-01-01T00:00:00Z"}, {"updated_at": 3},
        {"updated_at": "2150-01-01T00:00:00Z"}, {"annotations_ids": {"a": 1}},
        {"annotations_ids": [1]}, {"annotations_ids": 0},
    ],
)  # fmt: skip
def test_a_task_whose_time_or_answers_are_told_oddly_is_read(
    fake: FakeLabelStudio, desk: Desk, change: dict[str, Any]
) -> None:
    first, *_ = answered(desk, 3)
    task = fake.labeling.annotations[int(first)]["task"]

    with Instead(fake, odd_row(task, change)):
        changes = desk.context.connector.changes(None, desk.tool.sizes)

    assert len(changes.annotations) == 3
    assert changes.faults == ()


def test_nothing_is_deleted_where_a_task_does_not_tell_its_annotations(
    fake: FakeLabelStudio, desk: Desk
) -> None:
    answered(desk, 2)
    desk.look()

    def spoil(body: dict[str, Any]) -> dict[str, Any]:
        for task in body["tasks"]:
            task |= {"annotations": None} if "annotations" in task else {}
        return body

    with Instead(fake, spoil):
        desk.look()

    assert len(desk.store.labeled_ids()) == 2
    assert {row.got for row in desk.store.quarantined()} == {"annotations: NoneType None"}
    for number in fake.labeling.tasks:
        fake.labeling.patch_task(number, {})
    desk.look()
    assert desk.store.quarantined() == []


def test_two_annotations_of_one_number_lose_none(fake: FakeLabelStudio, desk: Desk) -> None:
    first, second = answered(desk, 2)
    fake.labeling.annotations[int(second)]["id"] = int(first)

    desk.look()

    assert len(desk.store.labeled_ids()) == 1
    (fault,) = desk.store.quarantined()
    assert fault.got == f"id: int {first}"

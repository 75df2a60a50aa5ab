"""Answers that never come, refusals, and a Label Studio that is not there: on the fake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.domain.errors import ConnectorUnavailable, OutcomeUnknown
from tests.contract.rigs import (
    LabelStudioRig,
    Server,
    project_source_rig,
)
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.versions import version

IMPORT = "/import$"
PREDICTIONS = "/import/predictions$"


def posts(fake: FakeLabelStudio, end: str) -> int:
    return sum(line.startswith("POST") and line.endswith(end) for line in fake.requests)


def test_an_import_whose_answer_is_lost_is_found_and_not_sent_again(
    fake: FakeLabelStudio, patient: LabelStudioRig
) -> None:
    fake.fail("POST", IMPORT, "drop after")

    tasks = patient.connector.push(patient.asks(patient.keys[:3]), "push-1", version(1, 0))

    assert sorted(tasks.values()) == sorted(str(number) for number in fake.labeling.tasks)
    assert len(fake.labeling.tasks) == 3
    assert posts(fake, "/import") == 1


@pytest.mark.parametrize("how", ["refuse", 500, 502])
def test_an_import_that_did_not_happen_is_unknown_and_the_next_try_asks_once(
    fake: FakeLabelStudio, patient: LabelStudioRig, how: str | int
) -> None:
    asks = patient.asks(patient.keys[:3])
    fake.fail("POST", IMPORT, how)

    with pytest.raises(OutcomeUnknown, match="push-1"):
        patient.connector.push(asks, "push-1", version(1, 0))
    patient.connector.push(asks, "push-1", version(1, 0))

    assert len(fake.labeling.tasks) == 3


def test_a_task_that_surfaces_late_is_retired_and_the_answered_one_counts(
    fake: FakeLabelStudio, patient: LabelStudioRig
) -> None:
    asks = patient.push(patient.keys[:2])
    twins = [{"data": fake.labeling.tasks[int(str(ask.task))]["data"]} for ask in asks]
    fake.labeling.import_tasks(1, twins)  # the same chunk commits a second time
    tasks = [str(ask.task) for ask in asks]

    again = patient.connector.push(asks, "push-1", version(1, 0))
    patient.connector.repair(version(1, 0), tasks)

    assert list(again.values()) == tasks
    assert patient.answer() == patient.keys[:2]


def test_tasks_that_were_retired_before_the_store_knew_them_come_back(
    fake: FakeLabelStudio, patient: LabelStudioRig
) -> None:
    asks = patient.asks(patient.keys[:2])
    patient.connector.push(asks, "push-1", version(1, 0))
    patient.connector.repair(None, [])  # a crash came between the push and its record

    patient.connector.push(asks, "push-1", version(1, 0))

    assert sorted(patient.answer()) == sorted(patient.keys[:2])
    assert len(fake.labeling.tasks) == 2


def test_predictions_whose_answer_is_lost_are_found_and_not_doubled(
    fake: FakeLabelStudio, patient: LabelStudioRig
) -> None:
    asks = patient.push(patient.keys[:3])
    fake.fail("POST", PREDICTIONS, "drop after")

    patient.connector.rerank(version(1, 1), asks)

    assert fake.labeling.projects[1]["model_version"] == version(1, 1)
    assert len(fake.labeling.predictions) == 6


def test_doubled_predictions_are_never_put_in_force(
    fake: FakeLabelStudio, patient: LabelStudioRig
) -> None:
    asks = patient.push(patient.keys[:2])
    fake.labeling.add_predictions(
        1, [{"task": 1, "model_version": version(1, 1), "score": 0.5, "result": []}] * 2
    )

    with pytest.raises(OutcomeUnknown, match="fresh version"):
        patient.connector.rerank(version(1, 1), asks)
    assert fake.labeling.projects[1]["model_version"] == version(1, 0)
    patient.connector.rerank(version(1, 2), asks)

    assert fake.labeling.projects[1]["model_version"] == version(1, 2)


def test_a_switch_whose_answer_is_lost_is_unknown(
    fake: FakeLabelStudio, patient: LabelStudioRig
) -> None:
    asks = patient.push(patient.keys[:2])
    fake.fail("PATCH", "/projects/1/", "drop after")

    with pytest.raises(OutcomeUnknown):
        patient.connector.rerank(version(1, 1), asks)


def test_a_read_is_tried_three_times(fake: FakeLabelStudio, patient: LabelStudioRig) -> None:
    fake.fail("GET", "/api/projects/1/", "refuse", times=2)
    patient.connector.changes(None, {})

    fake.fail("GET", "/api/projects/1/", 503, times=3)
    with pytest.raises(ConnectorUnavailable, match="HTTP 503"):
        patient.connector.changes(None, {})


def test_the_cost_of_a_quiet_look_does_not_grow_with_the_project(
    fake: FakeLabelStudio, fake_server: Server
) -> None:
    tool = project_source_rig(fake_server)
    fake.labeling.import_tasks(1, [{"data": {"image": f"{n}.png"}} for n in range(2000)])
    fake.labeling.patch_project(1, {"maximum_annotations": 1})  # somebody hands them all out
    fake.requests.clear()

    tool.connector.repair(None, [])
    fake.labeling.wait(seconds=121)
    cursor = tool.connector.changes(None, tool.sizes).cursor
    fake.requests.clear()
    words = tool.connector.repair(None, [])
    tool.connector.changes(cursor, tool.sizes)

    assert words == []
    assert len(fake.requests) == 4  # project and stream; project and changes
    assert len(cursor) < 200


def test_tasks_that_nobody_asked_for_are_put_away_some_at_a_time(
    fake: FakeLabelStudio, patient: LabelStudioRig
) -> None:
    data = {"image": "x", "maskloop_reason": "x"}
    fake.labeling.import_tasks(1, [{"data": data}] * 130)

    (words,) = patient.connector.repair(None, [])
    patient.connector.repair(None, [])

    assert "130 tasks" in words
    assert patient.answer() == []


def test_every_changed_task_is_read_when_they_fill_many_pages(
    fake: FakeLabelStudio, patient: LabelStudioRig
) -> None:
    data = {"image": "x", "maskloop_reason": "x"}
    ids = fake.labeling.import_tasks(1, [{"data": data}] * 530)["task_ids"]
    for number in ids[:450]:
        fake.labeling.tasks[number]["updated_at"] = "2026-01-01T00:00:01.000000Z"  # all the same

    seen = patient.connector.changes(None, {}).annotation_ids

    assert set(seen) == {str(number) for number in ids}


def test_a_listing_of_many_pages_loses_no_task_that_is_there(
    fake: FakeLabelStudio, patient: LabelStudioRig
) -> None:
    data = {"image": "x", "maskloop_reason": "x"}
    ids = fake.labeling.import_tasks(1, [{"data": data}] * 1200)["task_ids"]
    cursor = patient.connector.changes(None, {}).cursor
    for number in (ids[3], ids[-1]):
        fake.labeling.delete_task(number)

    lost = patient.connector.changes(cursor, {}).lost_tasks

    assert set(lost) == {str(ids[3]), str(ids[-1])}


def test_a_change_that_surfaces_late_is_still_seen(
    fake: FakeLabelStudio, patient: LabelStudioRig
) -> None:
    patient.push(patient.keys[:1])
    patient.answer()
    late = fake.labeling.annotations.pop(1)  # made now, committed after the next look
    fake.labeling.wait(seconds=100)
    cursor = patient.connector.changes(None, patient.sizes).cursor
    fake.labeling.annotations[1] = late

    changes = patient.connector.changes(cursor, patient.sizes)

    assert [one.id for one in changes.annotations] == ["1"]


def test_many_images_with_long_names_are_looked_up_in_several_requests(
    fake: FakeLabelStudio, patient: LabelStudioRig
) -> None:
    stored = next(iter(patient.images.values()))
    images = [replace(stored, id=n, key=f"{n}/" + "é" * 200 + ".png") for n in range(60)]
    asks = [
        replace(patient.asks(patient.keys[:1])[0], image=one, position=one.id) for one in images
    ]

    tasks = patient.connector.push(asks, "push-1", version(1, 0))

    assert len(set(tasks.values())) == 60

"""How many requests and how many masks at once a verb costs: counted, never timed."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from connectors.label_studio import request_bodies
from daemon.domain import Annotation, KeptPrediction, Mask, TaskRequest
from daemon.domain.errors import OutcomeUnknown
from tests.contract.rigs import LabelStudioRig, Server, project_source_rig
from tests.contract.test_lost_answers import IMPORT, posts
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.versions import version

PANORAMA = {"panorama.png": (12_000, 12_000)}  # so large that memory bears one mask at a time


def test_a_look_takes_two_requests_and_at_most_four_where_ten_tasks_changed(
    fake: FakeLabelStudio, patient: LabelStudioRig
) -> None:
    data = {"image": "x", "maskloop_reason": "x"}
    strangers = fake.labeling.import_tasks(1, [{"data": data}] * 300)["task_ids"]
    asks = patient.push(patient.keys)
    for _ in range(3):
        patient.connector.repair(version(1, 0), [str(ask.task) for ask in asks])
    fake.labeling.wait(seconds=121)
    cursor = patient.connector.changes(None, patient.sizes).cursor
    fake.requests.clear()

    quiet = patient.connector.changes(cursor, patient.sizes)
    requests_when_quiet = list(fake.requests)
    patient.answer()
    for number in strangers[:2]:
        fake.labeling.patch_task(number, {"overlap": 0})
    fake.requests.clear()
    busy = patient.connector.changes(quiet.cursor, patient.sizes)

    assert (len(quiet.annotation_ids), len(busy.annotation_ids)) == (0, 10)
    assert len(busy.annotations) == len(patient.keys)
    assert requests_when_quiet == ["GET /api/projects/1/", "GET /api/tasks"]
    assert len(fake.requests) <= 4


def test_images_that_are_tasks_are_listed_whole_once(
    fake: FakeLabelStudio, fake_server: Server
) -> None:
    tool = project_source_rig(fake_server)
    fake.labeling.wait(seconds=121)
    data = {"image": "/data/local-files/?d=added/later.png"}
    seen: list[int] = []

    def look() -> list[str]:
        fake.requests.clear()
        seen.append(len(list(tool.connector.images())))
        return [one for one in fake.requests if "/api/tasks" in one]

    whole, idle = look(), look()
    tool.api.post(f"api/projects/{tool.project}/import", [{"data": data}])
    added = look()
    fake.labeling.delete_task(min(fake.labeling.tasks))
    removed = look()

    count = len(tool.keys)
    assert seen == [count, count, count + 1, count]
    assert [len(one) for one in (whole, idle, added, removed)] == [1, 1, 1, 2]


@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "all at one moment"])
def test_a_long_reading_comes_in_portions_that_lose_and_delete_nothing(
    fake: FakeLabelStudio, patient: LabelStudioRig, at_once: bool
) -> None:
    patient.push(patient.keys)
    patient.answer()
    if at_once:
        for task in fake.labeling.tasks.values():
            task["updated_at"] = "2026-01-01T00:00:01.000000Z"

    portions, read = 0, dict[str, Annotation]()
    cursor, more = None, True
    while more:
        changes = patient.connector.changes(cursor, patient.sizes | PANORAMA)
        assert len(changes.annotations) == 1
        assert set(changes.annotation_ids.values()) <= {(one.id,) for one in changes.annotations}
        assert changes.lost_tasks == ()
        read |= {one.image_key: one for one in changes.annotations}
        portions, cursor, more = portions + 1, changes.cursor, changes.has_more

    assert portions == len(patient.keys)
    assert set(read) == set(patient.keys)
    assert all(np.array_equal(one.mask, patient.truth[key]) for key, one in read.items())


@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "all at one moment"])
def test_a_server_whose_pages_are_smaller_than_asked_for_is_read_to_the_end(
    fake: FakeLabelStudio, patient: LabelStudioRig, at_once: bool
) -> None:
    patient.push(patient.keys)
    patient.answer()
    fake.page_size_max = 3
    if at_once:
        for task in fake.labeling.tasks.values():
            task["updated_at"] = "2026-01-01T00:00:01.000000Z"

    changes = patient.connector.changes(None, patient.sizes)

    assert {one.image_key for one in changes.annotations} == set(patient.keys)


def test_what_is_deleted_while_a_long_reading_goes_on_is_noticed(
    fake: FakeLabelStudio, patient: LabelStudioRig
) -> None:
    asks = patient.push(patient.keys[:3])
    patient.answer()
    sizes = patient.sizes | PANORAMA
    first = patient.connector.changes(None, sizes)
    fake.labeling.delete_annotation(int(first.annotations[0].id))  # was read
    fake.labeling.delete_task(int(str(asks[2].task)))  # was not

    rest = []
    cursor = first.cursor
    for _ in range(3):
        rest.append(patient.connector.changes(cursor, sizes))
        cursor = rest[-1].cursor

    assert [one.has_more for one in (first, *rest)] == [True, False, False, False]
    assert rest[0].annotation_ids[first.annotations[0].task] == ()
    assert [one.image_key for one in rest[0].annotations] == [asks[1].image.key]
    gone = {task for one in rest for task in one.lost_tasks}
    assert str(asks[2].task) not in {task for one in rest for task in one.annotation_ids}
    assert gone <= {str(asks[2].task)}


def test_one_mask_is_in_memory_at_a_time(patient: LabelStudioRig) -> None:
    alive: list[weakref.ref[Mask]] = []

    def read(truth: Mask) -> Mask:
        gc.collect()
        assert sum(one() is not None for one in alive) <= 1
        mask = truth.copy()
        alive.append(weakref.ref(mask))
        return mask

    asks = [_kept(ask, read) for ask in patient.asks(patient.keys)]
    tasks = patient.connector.push(asks, "push-1", version(1, 0))
    asks = [replace(ask, task=tasks[ask.image.id]) for ask in asks]
    patient.connector.rerank(version(1, 0), asks)
    patient.connector.rerank(version(1, 1), asks)

    assert len(alive) == 2 * len(asks)  # the push, and the one rerank that is new


def test_a_push_of_many_bytes_takes_several_imports_and_asks_once_whichever_is_lost(
    fake: FakeLabelStudio, patient: LabelStudioRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_bodies, "CHUNK_BYTES", 2500)
    asks = patient.asks(patient.keys)
    fake.fail("POST", IMPORT, "drop after")
    fake.fail("POST", IMPORT, 500)

    with pytest.raises(OutcomeUnknown, match="push-1"):
        patient.connector.push(asks, "push-1", version(1, 0))
    half = len(fake.labeling.tasks)
    tasks = patient.connector.push(asks, "push-1", version(1, 0))

    assert posts(fake, "/import") > 3
    assert 0 < half < len(asks)
    assert len(fake.labeling.tasks) == len(asks)
    keys = {number: task["data"]["maskloop_key"] for number, task in fake.labeling.tasks.items()}
    assert {keys[int(tasks[ask.image.id])] for ask in asks} == set(patient.keys)


def _kept(ask: TaskRequest, read: Callable[[Mask], Mask]) -> TaskRequest:
    assert ask.prediction is not None
    truth = ask.prediction.mask
    shown = KeptPrediction(image_id=ask.image.id, read=lambda: read(truth))
    return replace(ask, prediction=shown)

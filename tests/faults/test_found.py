"""What the schedules found, each once more by hand, so that it is found in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from connectors.label_studio import LabelStudio
from connectors.label_studio.tasks import PAGE
from daemon.domain import Annotation, Image, Push, QueuedTask, Skip, Stage, TaskState
from daemon.domain.errors import ConnectorRefused
from daemon.store import FILE, Store
from tests.contract.rigs import (
    CLASSES,
    LabelStudioRig,
    Server,
    folder_source_rig,
    project_source_rig,
)
from tests.fakes.faults import Fault, Kind
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.versions import version
from tests.faults.fake_loop import NOON, Loop, answered


@pytest.fixture
def server(fake: FakeLabelStudio) -> Iterator[Server]:
    assert fake.document_root is not None
    with Server(fake.url, fake.token, fake.document_root, lambda name: pytest.fail(name)) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.db") as opened:
        for number in (1, 2):
            opened.add_image(image(number), None)
        opened.start_cycle(0, Stage.PUSH, NOON, labels=0, train_labels=0)
        yield opened


def image(number: int) -> Image:
    return Image(
        id=number,
        key=f"{number}.png",
        name=f"{number}.png",
        uri=f"file:///{number}.png",
        path=Path(f"{number}.png"),
        height_px=2,
        width_px=2,
        sha256=str(number),
    )


def asked(store: Store, image_id: int, task: str) -> None:
    new = QueuedTask(image_id=image_id, position=0, arm="random", reason="")
    push = Push(key=f"{image_id}{task}", cycle=0, version=version(0, 1), tasks=(new,))
    store.enqueue_push(push, NOON)
    store.record_push(push, {image_id: task}, NOON)


def annotation(task: str, image_id: int) -> Annotation:
    return Annotation(
        id="7",
        task=task,
        image_key=f"{image_id}.png",
        mask=np.zeros((2, 2), np.uint8),
        annotator="1",
        updated_at=NOON,
        created_at=NOON,
    )


def test_a_number_given_out_again_asks_its_new_image_and_the_old_label_stays(store: Store) -> None:
    asked(store, 1, "5")
    store.keep_annotation(1, annotation("5", 1))

    asked(store, 2, "5")  # task 5 was deleted, and the next import got its number
    store.delete_absent_annotations({"5": ()})

    (row,) = store.tasks(TaskState.OPEN)
    assert (row.id, row.image_id) == ("5", 2)
    assert store.labeled_ids() == {1}


def test_an_image_that_no_task_shows_any_more_is_not_asked_for_ever(store: Store) -> None:
    new = QueuedTask(image_id=1, position=0, arm="random", reason="")
    push = Push(key="k", cycle=0, version=version(0, 1), tasks=(new,))
    store.enqueue_push(push, NOON)

    store.record_push(push, {}, NOON)

    assert store.pending_pushes() == []
    assert [row.image_id for row in store.tasks(TaskState.DELETED)] == [1]


def test_a_push_leaves_out_images_whose_tasks_were_deleted(
    fake: FakeLabelStudio, server: Server
) -> None:
    tool = project_source_rig(server)
    fake.labeling.delete_task(1)

    pushed = tool.connector.push(tool.asks(tool.keys[:3]), "push-1", version(1, 0))

    assert sorted(pushed.values()) == ["2", "3"]


def test_a_skip_that_was_taken_back_no_longer_counts(store: Store) -> None:
    skip = Skip(id="7", task="5", image_key="1.png", annotator="1", at=NOON)
    store.keep_skip(1, skip)
    store.delete_absent_annotations({"5": ()})
    assert store.skip_counts() == {}

    store.keep_annotation(1, annotation("5", 1))
    store.keep_skip(1, skip)  # who labeled it declines it now
    assert (store.skip_counts(), store.labeled_ids()) == ({1: 1}, set())

    store.keep_annotation(1, annotation("5", 1))  # and labels it after all
    assert (store.skip_counts(), store.labeled_ids()) == ({}, {1})


def test_a_task_that_was_deleted_before_the_first_look_is_lost(
    fake: FakeLabelStudio, server: Server
) -> None:
    tool = folder_source_rig(server)
    cursor = tool.connector.changes(None, tool.sizes).cursor
    pushed = list(tool.connector.push(tool.asks(tool.keys[:2]), "push-1", version(1, 0)).values())
    fake.labeling.delete_task(int(pushed[0]))

    changes = tool.connector.changes(cursor, tool.sizes, pushed)

    assert changes.lost_tasks == (pushed[0],)


@pytest.mark.parametrize("away", [timedelta(seconds=10), timedelta(hours=5)])
def test_no_change_is_missed_when_the_servers_clock_is_set_back(
    fake: FakeLabelStudio, server: Server, away: timedelta
) -> None:
    """away: between the looks; the clock may have passed its old time again by then."""
    tool, now = folder_source_rig(server), [NOON]
    connector = moved(tool, server, now)
    connector.push(tool.asks(tool.keys[:1]), "push-1", version(1, 0))
    cursor = connector.changes(None, tool.sizes).cursor

    fake.labeling.wait(-7200)
    made = answered(fake.labeling, 1)
    fake.labeling.wait(away.total_seconds())
    now[0] += away
    changes = connector.changes(cursor, tool.sizes)
    connector.close()

    assert [one.id for one in changes.annotations] == [str(made["id"])]


def test_what_a_clock_set_back_and_forward_hid_is_found_within_a_day(
    fake: FakeLabelStudio, server: Server
) -> None:
    tool, now = folder_source_rig(server), [NOON]
    connector = moved(tool, server, now)
    connector.push(tool.asks(tool.keys[:1]), "push-1", version(1, 0))
    cursor, seen = connector.changes(None, tool.sizes).cursor, []

    fake.labeling.wait(-7200)
    answered(fake.labeling, 1)
    fake.labeling.wait(7200)
    for hours in (1, 22, 2, 2):
        fake.labeling.wait(hours * 3600)
        now[0] += timedelta(hours=hours)
        changes = connector.changes(cursor, tool.sizes)
        cursor = changes.cursor
        seen.append(len(changes.annotations))
    connector.close()

    assert seen == [0, 0, 1, 0]


def moved(tool: LabelStudioRig, server: Server, now: list[datetime]) -> LabelStudio:
    """A connector whose own clock is moved by hand."""
    return LabelStudio(
        url=server.url,
        project=tool.project,
        token=lambda: server.token,
        classes=CLASSES,
        source=tool.source,
        now=lambda: now[0],
    )


def test_answers_arrive_while_label_studio_refuses_to_be_asked(
    fake: FakeLabelStudio, tmp_path: Path
) -> None:
    loop = Loop(fake, tmp_path, "folder")
    loop.ticker.tick()
    fake.fail("POST", "/import$", 400, times=100)

    for task in list(fake.labeling.tasks):
        answered(fake.labeling, task)
        loop.ticker.tick_and_report()
    loop.connector.close()

    with Store(loop.config.state / FILE) as store:
        assert len(store.pending_pushes()) > 0
    assert loop.labels() == len(fake.labeling.tasks)


def test_an_answer_older_than_its_image_arrives_although_the_listing_was_cut_short(
    fake: FakeLabelStudio, tmp_path: Path
) -> None:
    loop = Loop(fake, tmp_path, "project")
    content = next((tmp_path / "files" / "project").iterdir()).read_bytes()
    fake.uploads = {"/data/upload/a.png": content}
    fake.labeling.import_tasks(1, [{"data": {"image": f"/data/upload/{one}.png"}} for one in "ab"])
    answered(fake.labeling, 2)
    for _ in range(3):
        loop.ticker.tick()  # b cannot be read yet
        loop.wait(300)

    fake.uploads["/data/upload/b.png"] = content
    fake.labeling.import_tasks(1, [{"data": {"image": "/data/upload/c.png"}}])
    fake.fail("GET", "/data/upload/c.png", 503, times=9)
    loop.ticker.tick_and_report()  # b is listed, and then comes an outage
    fake.labeling.delete_task(3)
    loop.wait(300)
    loop.ticker.tick()
    loop.connector.close()

    assert loop.labels() == 1


def test_a_page_that_is_missing_for_another_reason_does_not_end_the_reading(
    fake: FakeLabelStudio, server: Server
) -> None:
    tool = folder_source_rig(server)
    data = {"image": "x", "maskloop_reason": "x"}
    fake.labeling.import_tasks(tool.project, [{"data": data}] * (PAGE + 1))
    for task in fake.labeling.tasks.values():
        task["updated_at"] = "2026-01-01T00:00:01.000000Z"  # so that the second page has a number
    fake.begin({2: Fault(kind=Kind.STATUS, status=404)})

    with pytest.raises(ConnectorRefused, match="HTTP 404"):
        tool.connector.changes(None, tool.sizes)

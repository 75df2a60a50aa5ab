"""A team on a labeling server: always something to do, in order, each image counted once."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from connectors.masks.regions import decode
from daemon.domain import Stage
from daemon.loop.tick import RUNNERS
from daemon.runs.run_folder import RunFolder
from daemon.stages import push as push_stage
from daemon.stages.context import Context
from daemon.store import FILE, Store
from tests.fakes.sync import synchronize
from tests.integration.team import CLASSES, CONTROL, Team


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Callable[[Stage], Callable[[], None]]:
    """held(stage) keeps a stage from ending, though its work is done, until it is let go."""

    def hold(stage: Stage) -> Callable[[], None]:
        runner, released = RUNNERS[stage], [False]

        def wait(context: Context, cycle: int) -> bool:
            return runner(context, cycle) and released[0]

        monkeypatch.setitem(RUNNERS, stage, wait)
        return lambda: released.__setitem__(0, True)

    return hold


def test_people_who_are_faster_than_the_training_always_get_an_image_within_the_budget(
    make_team: Callable[..., Team], held: Callable[[Stage], Callable[[], None]]
) -> None:
    held(Stage.TRAIN)
    team = make_team()
    team.until("8 images wait")

    answered = []
    while len(answered) < 24:
        answered += [team.answer("ada"), team.answer("ben")]
        team.daemon.tick()

    assert None not in answered
    assert len(set(answered)) == 24
    assert (team.answer("ada"), team.answer("ben")) == (None, None)
    assert team.status()["stage"] == "train"
    assert team.status()["labels"] == {"total": 24, "spent": 24, "left": 0}


def test_what_was_asked_ahead_is_served_behind_the_next_batch_with_its_masks(
    make_team: Callable[..., Team], held: Callable[[Stage], Callable[[], None]]
) -> None:
    release = held(Stage.TRAIN)
    team = make_team()
    team.until("8 images wait")
    team.answer_batch("ada")
    team.until("cycle 1: train")
    ahead = [row.id for row in team.open_tasks()]

    release()
    team.until("7 images wait")

    rows = team.open_tasks()
    assert [row.cycle for row in rows] == [1, 1, 1, 1, 0, 0, 0]
    assert [row.id for row in rows[4:]] == ahead
    assert all(_mask(team, 1, row.image_id).exists() for row in rows)
    assert [str(team.answer("ben")) for _ in rows] == [row.id for row in rows]


def test_what_is_asked_while_the_masks_are_made_is_of_the_new_scores_and_gets_a_mask(
    make_team: Callable[..., Team], held: Callable[[Stage], Callable[[], None]]
) -> None:
    release = held(Stage.PREDICT)
    team = make_team()
    team.until("8 images wait")
    team.answer_batch("ada")
    team.until("cycle 1: predict")
    while team.answer("ada"):
        pass
    team.daemon.tick()
    (first, *_) = rows = team.open_tasks()
    assert [row.cycle for row in rows] == [1, 1, 1]
    assert "by the scores of cycle 1" in first.reason

    release()
    team.until("7 images wait")

    assert all(_mask(team, 1, row.image_id).exists() for row in team.open_tasks())


def test_a_batch_of_labels_begins_a_cycle_while_somebody_keeps_an_image_of_the_batch(
    make_team: Callable[..., Team],
) -> None:
    team = make_team()
    team.until("8 images wait")
    asleep = team.take("cleo")
    assert asleep is not None
    team.answer_batch("ada")
    team.until("cycle 1")

    assert str(asleep.task) in [row.id for row in team.open_tasks()]


def test_whoever_opens_an_old_task_sees_the_mask_of_the_model_in_force(
    make_team: Callable[..., Team],
) -> None:
    team = make_team()
    team.until("8 images wait")
    old = team.take("cleo")
    assert old is not None
    team.answer_batch("ada")
    project = team.server.labeling.projects[team.project]
    while not project["model_version"].startswith("1."):
        team.answer("ada")
        team.until("")

    shown = [
        row
        for row in team.server.labeling.predictions.values()
        if (row["task"], row["model_version"]) == (old.task, project["model_version"])
    ]

    assert str(old.task) in [row.id for row in team.open_tasks()]
    (row,) = shown
    image = next(one.image_id for one in team.open_tasks() if one.id == str(old.task))
    expected = np.asarray(Image.open(_mask(team, 1, image)))
    found = decode(row["result"], CLASSES, CONTROL, expected.shape, "the prediction").mask
    assert np.mean(found == expected) > 0.9  # but for specks
    assert old.prediction != row["id"]


def test_images_asked_later_stay_behind_although_people_answered_between_push_and_order(
    make_team: Callable[..., Team], held: Callable[[Stage], Callable[[], None]], monkeypatch: Any
) -> None:
    """The scores of a push count from all that was open then, the store must not count anew."""
    rerank = push_stage.rerank
    team = make_team()

    def slow(context: Context, cycle: int) -> None:
        for _ in range(4):
            team.answer("ada")
        synchronize(context)
        rerank(context, cycle)

    monkeypatch.setattr(push_stage, "rerank", slow)
    team.until("4 images wait")
    for _ in range(3):
        team.answer("ada")
        team.daemon.tick()

    rows = team.open_tasks()
    assert len(rows) == 3
    assert [str(team.answer("ben")) for _ in rows] == [row.id for row in rows]


def test_an_image_whose_answer_is_deleted_gets_its_place_and_mask_again(
    make_team: Callable[..., Team],
) -> None:
    team = make_team(queue_low=0)
    team.until("8 images wait")
    deleted = [team.answer("ada") for _ in range(8)][5]
    team.until("4 images wait")

    (number,) = [
        row["id"] for row in team.server.labeling.annotations.values() if row["task"] == deleted
    ]
    team.server.labeling.delete_annotation(number)
    team.daemon.tick()

    rows = team.open_tasks()
    assert rows[0].id == str(deleted)
    assert [str(team.answer("ben")) for _ in rows] == [row.id for row in rows]


def test_replaced_predictions_are_deleted_when_no_open_page_can_need_them(
    make_team: Callable[..., Team],
) -> None:
    team = make_team(queue_low=0)
    team.until("8 images wait")
    team.answer_batch("ada")
    team.until("4 images wait")
    tab = team.take("ben")
    assert tab is not None
    team.reorder()
    assert team.versions() == {"0.1", "1.1", "1.2"}

    team.shift += timedelta(hours=167)
    team.daemon.tick()
    assert team.versions() == {"0.1", "1.1", "1.2"}  # a page may show any of them
    team.submit("ben", tab)
    team.daemon.tick()
    team.shift += timedelta(hours=2)
    team.daemon.tick()
    assert team.versions() == {"1.1", "1.2"}  # one a look
    team.daemon.tick()
    team.daemon.tick()

    assert team.versions() == {"1.2"}
    with Store(team.config.state / FILE) as store:
        store.keep_fact("cursor", "")  # everything is read once more
    team.daemon.tick()
    rows = team.status()["batch"]["images"]
    assert [row["corrected"] for row in rows if row["state"] == "labeled"] == [1]


def test_an_image_that_two_people_label_counts_once_and_by_policy(
    make_team: Callable[..., Team], caplog: pytest.LogCaptureFixture
) -> None:
    """As Label Studio's locks let it happen."""
    caplog.set_level("INFO")
    team = make_team()
    team.until("8 images wait")
    ones, nothing = np.ones((24, 32), np.uint8), np.zeros((24, 32), np.uint8)
    first = team.take("ada")
    team.server.labeling.locks.clear()
    second = team.take("ben")
    assert first is not None
    assert second is not None
    team.submit("ada", first, ones)
    team.submit("ben", second, nothing)
    team.daemon.tick()

    status = team.status()
    assert first.task == second.task
    assert status["labels"]["spent"] == 1
    (listed,) = status["duplicate_labels"]["listed"]
    assert (status["duplicate_labels"]["images"], listed["people"], listed["answers"]) == (1, 2, 2)
    assert _label(team, listed["image_id"]) == 0  # the latest
    assert "several people labeled 1 image, 1 of them new" in caplog.text
    assert "several people labeled 1 image, 1 of them new" in status["events"][0]["message"]

    labeling = team.server.labeling
    (of_ada,) = [row for row in labeling.annotations.values() if row["result"]]
    of_ada.update(ground_truth=True, updated_at=labeling.now())
    labeling.tasks[first.task]["updated_at"] = labeling.now()
    team.daemon.tick()

    assert _label(team, listed["image_id"]) == 1  # the ground truth
    assert team.status()["labels"]["spent"] == 1
    assert caplog.text.count("several people labeled") == 1


def _label(team: Team, image_id: int) -> int:
    """The one class of a mask that has one."""
    with Store(team.config.state / FILE, read_only=True) as store:
        (value,) = np.unique(Image.open(io.BytesIO(store.label_png(image_id))))
        return int(value)


def _mask(team: Team, cycle: int, image_id: int) -> Path:
    return RunFolder(team.config.state / "runs" / f"{cycle:04d}-predict").mask(image_id)

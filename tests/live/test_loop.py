"""The whole loop on a real Label Studio, with a learner that needs milliseconds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from connectors.masks.regions import encode
from daemon.demo.web_user import WebUser
from daemon.domain import TaskState
from daemon.store import FILE, Store
from tests.live.live_field import CONTROL, Field, field

__all__ = ["field"]

pytestmark = pytest.mark.live


def test_two_annotators_get_every_batch_in_order_until_the_budget_is_spent(
    field: Field, annotator: Callable[[str], WebUser]
) -> None:
    users = [annotator("ada"), annotator("grace")]
    outcome, served = field.tick(), []
    while not outcome.final:
        ranks = {row["task"]: row["rank"] for row in field.status()["batch"]["images"]}
        received = []
        while (question := field.answer(users[len(received) % 2])) is not None:
            received.append(ranks[str(question.task)])
        assert received == sorted(received)
        served.append(len(received))
        outcome = field.tick()

    status = field.status()
    assert served == [8, 4, 4]  # validation and seed, then two batches
    assert "budget is spent" in outcome.waiting
    assert status["labels"] == {"total": 16, "spent": 16, "left": 0}
    assert [point["labels"] for point in status["evaluations"]] == [8, 12, 16]
    assert [point["train_labels"] for point in status["evaluations"]] == [4, 8, 12]
    assert status["evaluations"][-1]["miou"] > 0.9
    assert users[0].next_task(field.project) is None


def test_the_stored_labels_are_what_people_drew(
    field: Field, annotator: Callable[[str], WebUser]
) -> None:
    field.tick()
    while field.answer(annotator("ada")) is not None:
        pass
    field.ticker.tick()

    with Store(field.config.state / FILE, read_only=True) as store:
        for image in store.images():
            if image.id in store.labeled_ids():
                (field.home / "mask.png").write_bytes(store.label_png(image.id))
                with Image.open(field.home / "mask.png") as png:
                    np.testing.assert_array_equal(np.asarray(png), field.truth[image.key])
        assert len(store.tasks(TaskState.LABELED)) == 8


def test_validation_is_asked_first_and_never_trains(
    field: Field, annotator: Callable[[str], WebUser]
) -> None:
    field.tick()

    arms = [row["arm"] for row in field.status()["batch"]["images"]]

    assert arms == ["validation"] * 4 + ["kcenter"] * 4


def test_a_better_model_replaces_the_predictions_of_open_tasks(
    field: Field, annotator: Callable[[str], WebUser]
) -> None:
    field.set_loop(done_share=0.5)
    field.tick()
    for _ in range(6):
        field.answer(annotator("ada"))
    field.tick()

    first = annotator("ada").next_task(field.project)

    batch = field.status()["batch"]
    assert batch["cycle"] == 1
    assert first is not None
    assert first.prediction is not None  # of cycle 1, on an image that cycle 0 asked
    assert first.details["data"]["maskloop_cycle"] == 0
    assert len(first.result) > 0


def test_an_image_that_people_skip_is_replaced(
    field: Field, annotator: Callable[[str], WebUser]
) -> None:
    field.tick()
    with Store(field.config.state / FILE, read_only=True) as store:
        stand_in = store.reserve(0)[0].image_id
    for name in ("ada", "grace"):
        while (question := annotator(name).next_task(field.project)) is not None:
            if question.details["data"]["maskloop_rank"] == 6:
                annotator(name).skip(question, field.project)
                break
            mask = field.truth[question.details["data"]["maskloop_key"]]
            regions = encode(mask, field.config.class_set, CONTROL, {})
            annotator(name).submit(question, field.project, regions)

    field.ticker.tick()

    batch = field.status()["batch"]
    assert batch["skipped"] == 1
    assert [row["image_id"] for row in batch["images"] if row["state"] == "open"][-1] == stand_in

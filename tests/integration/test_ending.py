"""The end of the loop: one last training, nobody is left with work that nobody needs, and how it
ended is said once, with the figure that counts."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from daemon.cli.commands import main
from daemon.config.loading import Config
from daemon.domain import Stage
from daemon.rules.readiness import Ending
from daemon.runs.run_folder import PredictRequest, RunFolder
from daemon.stages.context import image_files
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.web.app import create_app
from tests.fakes import learner
from tests.fakes.status_json import status_json
from tests.integration.counted import disagreements
from tests.integration.workbench import configured, paint_images, run_out, ticker

LOOP = {"batch_images": 4, "seed_images": 4, "poll_s": 0.05}


def new_labels(config: Config) -> list[int]:
    """How many labels each training had that the one before had not."""
    labels = [0, *(point["labels"] for point in status_json(config)["evaluations"])]
    return list(np.diff(labels))


def add_images(home: Path, number: int) -> None:
    painted = paint_images(home / "more", 30 + number)  # the first 30 are those of the pool
    for name, mask in list(painted.items())[30:]:
        (home / "more" / name).rename(home / "images" / f"new_{name}")
        Pillow.fromarray(mask).save(home / "masks" / f"new_{name}")
    with Store(home / "state" / FILE) as store:
        store.keep_fact("images_listed_at", "2026-01-01T00:00:00+00:00")  # a minute later


@pytest.mark.parametrize("budget", [9, 10, 13, 15, 18])
def test_only_the_last_training_has_fewer_new_labels_than_a_batch(home: Path, budget: int) -> None:
    config = configured(home, loop={**LOOP, "budget_labels": budget, "queue_low": 3})

    outcome = run_out(ticker(config))

    assert outcome.ended is Ending.BUDGET_SPENT
    *before, last = new_labels(config)
    assert all(new >= 4 for new in before)
    assert last >= 1
    assert status_json(config)["evaluations"][-1]["labels"] == budget
    assert disagreements(config) == []


def test_how_the_loop_ended_is_in_the_log_once_and_in_status_and_on_the_page(
    home: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO, "daemon")
    config = configured(home)
    daemon = ticker(config)
    run_out(daemon)

    for _ in range(3):
        assert daemon.tick().ended is Ending.BUDGET_SPENT

    said = [one.message for one in caplog.records if "the loop has ended" in one.message]
    words = "the label budget is spent: 16 labels of 16; the model of cycle 3 is the one to use"
    assert len(said) == 1
    assert words in said[0]
    status = status_json(config)
    assert status["ended"]["how"] == "budget spent"
    assert (status["ended"]["labels"], status["ended"]["serving"]) == (16, 3)
    assert status["ended"]["miou"] == status["evaluations"][-1]["miou"]
    assert sum("the loop has ended" in event["message"] for event in status["events"]) == 1
    capsys.readouterr()
    main(["--config", str(home / "config.toml"), "status"])
    shown = " ".join(capsys.readouterr().out.split())
    assert words in shown
    assert "raise [loop] budget_labels to continue" in shown
    page = create_app(lambda: read_status(config)).test_client().get("/").text
    assert "Ended" in page
    assert words in page


def test_when_all_images_are_labeled_the_loop_ends_with_a_training_on_all_of_them(
    home: Path,
) -> None:
    config = configured(home, loop={**LOOP, "budget_labels": 500, "queue_low": 3})

    outcome = run_out(ticker(config))

    assert outcome.ended is Ending.ALL_LABELED
    assert "every image of the pool is labeled or was dropped: 30 labels" in outcome.waiting
    assert status_json(config)["evaluations"][-1]["labels"] == 30


@pytest.mark.parametrize("queue_low", [0, 3])
def test_images_that_are_added_after_the_end_are_asked_and_trained_on(
    home: Path, queue_low: int
) -> None:
    config = configured(home, loop={**LOOP, "budget_labels": 500, "queue_low": queue_low})
    run_out(ticker(config))

    add_images(home, 6)
    daemon = ticker(config)
    assert not daemon.tick().final
    outcome = run_out(daemon)

    assert outcome.ended is Ending.ALL_LABELED
    assert status_json(config)["labels"]["spent"] == 36
    assert status_json(config)["evaluations"][-1]["labels"] == 36
    assert disagreements(config) == []


@pytest.mark.parametrize("budget", [9, 14])
def test_a_raised_budget_goes_on_where_images_were_asked_ahead(home: Path, budget: int) -> None:
    loop: dict[str, Any] = {**LOOP, "queue_low": 3}
    run_out(ticker(configured(home, loop={**loop, "budget_labels": budget})))

    config = configured(home, loop={**loop, "budget_labels": budget + 5})
    outcome = run_out(ticker(config))

    assert outcome.ended is Ending.BUDGET_SPENT
    assert status_json(config)["evaluations"][-1]["labels"] == budget + 5
    assert disagreements(config) == []


def test_images_that_a_raised_budget_allows_come_with_masks(home: Path) -> None:
    """Also where PREDICT of that cycle ran before: people had images open that were asked ahead."""
    config = configured(home, loop={**LOOP, "budget_labels": 12, "queue_low": 0})
    run_out(ticker(config))
    with Store(config.state / FILE, read_only=True) as store:
        cycle = store.last_cycle().number  # type: ignore[union-attr]
        shown = store.images()[0]
    run = RunFolder(config.state / "runs" / f"{cycle:04d}-{Stage.PREDICT}")
    request = PredictRequest(
        classes=config.classes.names,
        device="cpu",
        threads=1,
        seed=0,
        settings={},
        checkpoint=RunFolder(config.state / "runs" / f"{cycle:04d}-{Stage.TRAIN}").checkpoint,
        masks=image_files([shown]),
    )
    run.path.mkdir(exist_ok=True)
    run.write_request(request)
    learner.predict(run)

    more = configured(home, loop={**LOOP, "budget_labels": 16, "queue_low": 0})
    daemon = ticker(more)
    while status_json(more)["labels"]["spent"] < 16:
        daemon.tick()

    with Store(more.state / FILE, read_only=True) as store:
        asked = {pick.image_id for pick in store.picks(cycle)}
    assert len(asked) == 4
    assert asked <= {file.id for file in run.read_request(PredictRequest).masks}
    assert all(run.mask(image_id).exists() for image_id in {*asked, shown.id})


def test_status_before_and_after_has_the_same_keys(home: Path) -> None:
    config = configured(home)
    before = status_json(config)
    run_out(ticker(config))
    after = status_json(config)

    assert before.keys() == after.keys()
    assert before["labels"].keys() == after["labels"].keys()
    assert before["tasks"].keys() == after["tasks"].keys()
    assert before["uses"].keys() == after["uses"].keys()
    json.dumps(after, allow_nan=False)

"""What a loop scores its pool with: the calibration of the model, and its student on request."""

from __future__ import annotations

import dataclasses
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.config.loading import Config
from daemon.domain import Calibration, Stage
from daemon.loop.components import open_connector
from daemon.runs.durable import write_json
from daemon.runs.run_folder import PredictRequest, TrainResult
from daemon.stages import score
from daemon.stages.context import Context
from daemon.store import FILE, Store
from strategies.base import PER_IMAGE
from tests.fakes.launcher import ForkLauncher
from tests.integration.workbench import configured, paint, run_of, run_out, ticker


@pytest.fixture
def finished(tmp_path: Path) -> Config:
    """One cycle with a model whose student is kept."""
    paint(tmp_path)
    loop = {"budget_labels": 12, "batch_images": 4, "seed_images": 4, "queue_low": 0}
    config = configured(tmp_path, training={"keep_student": True}, loop=loop)
    run_out(ticker(config, cycle_limit=1))
    return config


def request_again(config: Config) -> PredictRequest:
    """The request of the scoring of cycle 1, made from what lies there now."""
    with Store(config.state / FILE) as store:
        context = Context(
            config=config,
            store=store,
            connector=open_connector(config),
            launcher=ForkLauncher(),
            now=lambda: datetime.now(UTC),
        )
        return score._request(context, 1)


def calibrate(config: Config, temperature: float) -> None:
    """Give the model of cycle 1 a temperature, and its student twice as much."""
    run = run_of(config, 1, Stage.TRAIN)
    result = run.read_result(TrainResult)
    assert result.validation is not None
    teacher, student = (
        dataclasses.replace(
            result.validation, calibration=Calibration(ece=0.1, nll=1.0, temperature=value)
        )
        for value in (temperature, 2 * temperature)
    )
    changed = result.model_copy(update={"validation": teacher, "student": student})
    write_json(run.result_file, changed.model_dump(mode="json"))


def test_a_pool_is_scored_with_every_measure_and_the_calibration_of_the_model(
    finished: Config, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_of(finished, 1, Stage.SCORE)
    first = run.read_request(PredictRequest)
    scores = run.read_scores()

    assert {name for name in PER_IMAGE if getattr(scores, name) is None} == set()
    assert first.student == run_of(finished, 1, Stage.TRAIN).student
    assert first.temperature is None
    with caplog.at_level(logging.DEBUG, "daemon"):
        request_again(finished)
    assert "cycle=1: no temperature was fitted: scores are not calibrated" in caplog.text
    calibrate(finished, 1.5)
    again = request_again(finished)
    assert (again.temperature, again.student_temperature) == (1.5, 3.0)


def test_a_student_is_asked_only_if_the_setting_says_so_and_it_is_there(
    finished: Config,
) -> None:
    student = run_of(finished, 1, Stage.TRAIN).student
    without = finished.model_copy(
        update={"training": finished.training.model_copy(update={"keep_student": False})}
    )
    assert request_again(without).student is None
    assert request_again(finished).student == student

    student.unlink()

    assert request_again(finished).student is None
    assert request_again(finished).student_temperature is None

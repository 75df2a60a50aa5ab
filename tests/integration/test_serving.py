"""A training that collapses: the model before goes on, and everybody is told."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.cli.commands import main
from daemon.config.loading import Config
from daemon.domain import Stage
from daemon.runs.run_folder import PredictRequest, TrainRequest
from daemon.stages import serving
from daemon.stages.context import Context
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.web.app import create_app
from tests.fakes.status_json import status_json
from tests.integration.workbench import (
    configured,
    paint,
    run_of,
    run_out,
    run_through_power_cuts,
    ticker,
)


@pytest.fixture
def collapsing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Three cycles are trained, the second one the wrong way round."""
    paint(tmp_path)
    monkeypatch.setenv("FAKE_LEARNER_COLLAPSES", "0002-train")
    return configured(tmp_path)


def checkpoint(config: Config, cycle: int) -> Path:
    return run_of(config, cycle, Stage.TRAIN).checkpoint


def test_a_model_that_collapsed_is_refused_and_the_one_before_serves(collapsing: Config) -> None:
    run_out(ticker(collapsing))

    first, second, third = status_json(collapsing)["evaluations"]
    assert second["miou"] < first["miou"] / 2
    assert [point["refused"] for point in (first, second, third)] == [False, True, False]
    assert [point["serving"] for point in (first, second, third)] == [1, 1, 3]
    for stage in (Stage.SCORE, Stage.PREDICT):
        request = run_of(collapsing, 2, stage).read_request(PredictRequest)
        assert request.checkpoint == checkpoint(collapsing, 1)
    parent = run_of(collapsing, 3, Stage.TRAIN).read_request(TrainRequest).parent
    assert parent == checkpoint(collapsing, 1)


def test_people_correct_the_masks_of_the_model_that_serves(collapsing: Config) -> None:
    run_out(ticker(collapsing))

    with Store(collapsing.state / FILE, read_only=True) as store:
        picks = store.picks(2)
    assert picks
    for pick in picks:
        shown = np.asarray(Image.open(run_of(collapsing, 2, Stage.PREDICT).mask(pick.image_id)))
        with Store(collapsing.state / FILE, read_only=True) as store:
            (image,) = [one for one in store.images() if one.id == pick.image_id]
        truth = np.asarray(Image.open(collapsing.home / "masks" / image.name))
        assert np.mean(shown == truth) > 0.9


def test_a_refused_model_is_told_in_the_log_the_events_the_status_and_on_the_page(
    collapsing: Config, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO, "daemon")

    run_out(ticker(collapsing))

    warned = [one for one in caplog.records if "the new model was refused" in one.message]
    assert [one.levelname for one in warned] == ["WARNING"]
    assert "of the model of cycle 1, which still predicts masks" in warned[0].message
    (line,) = [
        one.message for one in caplog.records if one.message.startswith("cycle 2: 4 new labels")
    ]
    assert "refused: the model of cycle 1 stays in use" in line
    status = status_json(collapsing)
    assert [e["level"] for e in status["events"] if "was refused" in e["message"]] == ["warning"]
    capsys.readouterr()
    main(["--config", str(collapsing.home / "config.toml"), "status"])
    assert "2 refused" in capsys.readouterr().out
    page = create_app(lambda: read_status(collapsing)).test_client().get("/").text
    assert "refused" in page


def test_while_the_newest_model_is_refused_the_page_shows_the_one_that_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path)
    monkeypatch.setenv("FAKE_LEARNER_COLLAPSES", "0002-train 0003-train")
    config = configured(tmp_path)

    outcome = run_out(ticker(config))

    assert "the model of cycle 1 is the one to use, mIoU 1.000" in outcome.waiting
    assert status_json(config)["ended"]["serving"] == 1
    page = create_app(lambda: read_status(config)).test_client().get("/").text
    assert "The model of cycle 3 was refused" in page
    assert '<p class="figure">1.000 <small>mIoU</small></p>' in page


def test_the_model_that_serves_is_kept_on_disk_however_many_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path)
    names = [f"{cycle:04d}-train" for cycle in range(2, 7)]
    monkeypatch.setenv("FAKE_LEARNER_COLLAPSES", " ".join(names))
    loop = {"budget_labels": 28, "batch_images": 4, "seed_images": 4, "queue_low": 0}
    config = configured(tmp_path, loop=loop, storage={"keep_checkpoints": 1, "min_free_gb": 0.0})

    run_out(ticker(config))

    assert [point["serving"] for point in status_json(config)["evaluations"]] == [1] * 6
    assert checkpoint(config, 1).exists()
    assert not checkpoint(config, 4).exists()


@pytest.mark.parametrize("after_the_work", [False, True])
def test_a_crash_while_a_model_is_judged_says_it_once(
    collapsing: Config, after_the_work: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, crashed = serving._apply_gate, []

    def crash(context: Context, cycle: int) -> None:
        if after_the_work:
            judge(context, cycle)
        if cycle not in crashed:
            crashed.append(cycle)
            raise OSError("power cut")
        judge(context, cycle)

    monkeypatch.setattr(serving, "_apply_gate", crash)
    run_through_power_cuts(collapsing)
    monkeypatch.undo()
    monkeypatch.setenv("FAKE_LEARNER_COLLAPSES", "0002-train")
    run_out(ticker(collapsing))

    events = [
        e["message"] for e in status_json(collapsing)["events"] if "was refused" in e["message"]
    ]
    assert len(events) == 1
    assert [p["refused"] for p in status_json(collapsing)["evaluations"]] == [False, True, False]

"""What the gate asks and what people say of models, from the command to the next training."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.config.loading import Config
from daemon.domain import Stage
from daemon.domain.commands import AccessRole, CommandState
from daemon.loop.service import Ticker
from daemon.runs.run_folder import PredictRequest, RunFolder, TrainRequest, TrainResult
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.store.commands import command_writer
from daemon.web.app import create_app
from tests.fakes.launcher import ForkLauncher
from tests.fakes.model_chains import chain
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, paint, run_of, run_out, ticker

BETTER, FELL = {}, {"class_worse": 0.25, "others_better": 0.12}
WORSE = {"worse": 0.1}
ORDER = list(Stage)


class MeasuredLauncher(ForkLauncher):
    """The quick learner, whose models measure what a test says: one entry a cycle, from 1 on."""

    def __init__(self, *models: dict[str, float]) -> None:
        super().__init__()
        self.models = models

    def advance(self, run: RunFolder, command: str) -> bool:
        done = super().advance(run, command)
        if done and command == "train":
            cycle = int(run.path.name.partition("-")[0])
            changes = self.models[min(cycle, len(self.models)) - 1]
            point = chain(1, 64, np.random.default_rng(7), **changes)[0]
            found = run.read_result(TrainResult)
            run.write_result(found.model_copy(update={"validation": point.validation}))
        return done


def stopped_at(config: Config, daemon: Ticker, cycle: int, stage: Stage) -> None:
    """Tick until a cycle has come to this stage. SELECT and PUSH pass within a tick."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        time.sleep(0.01)
        daemon.tick()
        with Store(config.state / FILE, read_only=True) as store:
            last = store.last_cycle()
        if last and (last.number, ORDER.index(last.stage)) >= (cycle, ORDER.index(stage)):
            return
    raise AssertionError(f"cycle {cycle} never came to {stage}")


def ask(config: Config, daemon: Ticker, verb: str, **arguments: Any) -> tuple[CommandState, str]:
    with command_writer(config.state / FILE) as store:
        at, role = datetime.now(UTC), AccessRole.LEAD
        number = store.add_command(verb, arguments, asked_by="a test", role=role, at=at)
    daemon.tick()
    with Store(config.state / FILE, read_only=True) as store:
        command = store.command(number)
    return command.state, command.outcome


def parent(config: Config, cycle: int) -> Path:
    return run_of(config, cycle, Stage.TRAIN).read_request(TrainRequest).parent


def states(config: Config) -> list[str]:
    """What the page says of each model, oldest first."""
    app = create_app(lambda: read_status(config), read_config=lambda: config)
    models = app.test_client().get("/trainings.json").json["models"]
    return [model["state"] for model in models][::-1]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    paint(tmp_path)
    return configured(tmp_path)


def test_a_model_whose_class_fell_waits_for_an_answer_and_then_serves(config: Config) -> None:
    daemon = ticker(config, launcher=MeasuredLauncher(BETTER, FELL, BETTER))
    stopped_at(config, daemon, 2, Stage.SCORE)

    second = status_json(config)["evaluations"][1]
    assert (second["verdict"], second["serving"], states(config)) == (
        "asked",
        1,
        ["serves", "asks"],
    )
    assert "the IoU of 'weed' fell by" in second["verdict_words"]
    assert "waits for an answer" in page(config)
    state, words = ask(config, daemon, "approve_model", cycle=2)

    assert state is CommandState.DONE
    assert "it scores the pool" in words
    stopped_at(config, daemon, 2, Stage.PREDICT)
    request = run_of(config, 2, Stage.SCORE).read_request(PredictRequest)
    assert request.checkpoint == run_of(config, 2, Stage.TRAIN).checkpoint
    run_out(daemon)
    assert parent(config, 3) == run_of(config, 2, Stage.TRAIN).checkpoint


def page(config: Config) -> str:
    app = create_app(lambda: read_status(config), read_config=lambda: config)
    return app.test_client().get("/trainings").text


@pytest.mark.long
def test_where_nobody_answers_the_next_model_with_the_same_fall_serves(config: Config) -> None:
    run_out(ticker(config, launcher=MeasuredLauncher(BETTER, FELL, FELL)))

    evaluations = status_json(config)["evaluations"]
    assert [point["verdict"] for point in evaluations] == ["serves", "asked", "serves"]
    assert [point["serving"] for point in evaluations] == [1, 1, 3]
    assert parent(config, 3) == run_of(config, 1, Stage.TRAIN).checkpoint
    events = [event["message"] for event in status_json(config)["events"]]
    assert any("the new model serves all the same" in words for words in events)
    assert states(config) == ["earlier", "held", "serves"]


@pytest.mark.long
def test_a_setting_lets_such_a_model_serve_with_a_warning(tmp_path: Path) -> None:
    paint(tmp_path)
    config = configured(tmp_path, training={"class_fall": "serve"})
    run_out(ticker(config, 2, MeasuredLauncher(BETTER, FELL)))

    assert [point["serving"] for point in status_json(config)["evaluations"]] == [1, 2]


def test_a_lead_lets_a_refused_model_serve_from_the_next_cycle_on(config: Config) -> None:
    daemon = ticker(config, launcher=MeasuredLauncher(BETTER, WORSE, BETTER))
    stopped_at(config, daemon, 2, Stage.PREDICT)
    assert status_json(config)["evaluations"][1]["verdict"] == "refused"
    assert "the difference on the same images is" in page(config)

    state, words = ask(config, daemon, "serve_model", cycle=2)

    assert (state, "from the next cycle on" in words) == (CommandState.DONE, True)
    assert states(config)[:2] == ["serves", "serves_next"]
    run_out(daemon)
    assert parent(config, 3) == run_of(config, 2, Stage.TRAIN).checkpoint
    request = run_of(config, 2, Stage.PREDICT).read_request(PredictRequest)
    assert request.checkpoint == run_of(config, 1, Stage.TRAIN).checkpoint  # its batch stays whole


def test_a_model_that_does_not_exist_cannot_serve_and_a_note_is_kept_once(config: Config) -> None:
    daemon = ticker(config, launcher=MeasuredLauncher(BETTER))
    stopped_at(config, daemon, 1, Stage.PREDICT)

    assert ask(config, daemon, "serve_model", cycle=7)[0] is CommandState.REFUSED
    assert ask(config, daemon, "note_model", cycle=1, text="  ")[0] is CommandState.REFUSED
    for _ in range(2):
        ask(config, daemon, "note_model", cycle=1, text="<b>masks of bay 3 are old</b>")
    assert ask(config, daemon, "approve_model", cycle=1)[1] == "the model of cycle 1 is approved"
    shown = page(config)
    assert shown.count("&lt;b&gt;masks of bay 3 are old&lt;/b&gt;") == 1
    assert ">approved<" in shown


def test_a_training_is_stopped_and_goes_on_and_gives_its_result_when_asked(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "1")
    daemon = ticker(config, 1)
    run = run_of(config, 1, Stage.TRAIN)
    daemon.tick()
    assert ask(config, daemon, "stop_training")[1] == "no training runs now"
    stopped_at(config, daemon, 1, Stage.TRAIN)
    while not run.request_file.exists():
        daemon.tick()

    assert ask(config, daemon, "stop_training")[0] is CommandState.DONE
    assert "is stopped by a person" in daemon.tick().waiting
    assert run.holder() is None
    assert ask(config, daemon, "finish_training_now")[0] is CommandState.DONE
    assert run.finish.exists()
    ask(config, daemon, "resume")
    run_out(daemon)
    assert run.finished()


@pytest.mark.long
def test_the_run_of_an_earlier_release_is_compared_by_intervals(config: Config) -> None:
    daemon = ticker(config, launcher=MeasuredLauncher(BETTER, BETTER))
    stopped_at(config, daemon, 2, Stage.TRAIN)
    run = run_of(config, 1, Stage.TRAIN)
    found = run.read_result(TrainResult)
    bare = replace(found.validation, by_image=())
    run.write_result(found.model_copy(update={"validation": bare}))

    stopped_at(config, daemon, 2, Stage.SCORE)

    assert status_json(config)["evaluations"][1]["serving"] == 2

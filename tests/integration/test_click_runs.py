"""The click network inside the loop: trained when a cycle is done, never in its way."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config.loading import Config
from daemon.runs.click_records import ServingClicks, TrainClicksRequest
from daemon.runs.run_folder import RunFolder, TrainRequest
from daemon.smart_tool.wanted_network import wanted_network
from daemon.store import FILE, Store
from tests.fakes.click_trainings import REFUSED
from tests.fakes.learner import COMMANDS
from tests.integration.workbench import configured, paint, run_out, ticker

CLICKED = {
    "smart_tool": {"enabled": True},
    "audit": {"enabled": False},
    "loop": {"budget_labels": 24},
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    paint(tmp_path)
    return tmp_path


def kept(config: Config) -> ServingClicks | None:
    with Store(config.state / FILE, read_only=True) as store:
        return store.serving_clicks()


def runs_of(config: Config) -> list[RunFolder]:
    return [RunFolder(path) for path in sorted((config.state / "runs").glob("*-clicks"))]


def test_a_network_learns_in_each_cycle_and_the_newest_good_one_serves(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REFUSED, "0003-clicks")
    config = configured(home, **CLICKED)

    run_out(ticker(config))

    runs = [run for run in runs_of(config) if run.finished()]
    assert [run.path.name for run in runs[:3]] == ["0002-clicks", "0003-clicks", "0004-clicks"]
    first, second, third = (run.read_request(TrainClicksRequest) for run in runs[:3])
    assert first.serving is None
    assert second.serving == second.parent == runs[0].checkpoint
    assert third.serving == runs[0].checkpoint  # the second did not serve
    serving = kept(config)
    assert serving is not None
    assert serving.run == runs[-1].path.name
    assert [run.checkpoint.exists() for run in runs] == [False] * (len(runs) - 1) + [True]
    worker = wanted_network(config)
    assert worker is not None
    assert worker.checkpoint == runs[-1].checkpoint.absolute()
    assert_priors_are_of_models_that_did_not_learn_from_the_label(runs)


def assert_priors_are_of_models_that_did_not_learn_from_the_label(runs: list[RunFolder]) -> None:
    priors = 0
    for run in runs:
        request = run.read_request(TrainClicksRequest)
        assert {file.role for file in request.validation} == {"validation"}
        assert not {file.id for file in request.labeled} & {file.id for file in request.validation}
        for file in request.labeled:
            if file.prior is not None:
                cycle = file.prior.parent.parent.name.partition("-")[0]
                trained = RunFolder(run.path.parent / f"{cycle}-train").read_request(TrainRequest)
                assert file.id not in {one.id for one in trained.labeled}
                priors += 1
    assert priors > 8


@pytest.mark.long
def test_a_training_that_fails_is_said_and_the_loop_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(run: RunFolder) -> None:
        raise SystemExit(1)

    monkeypatch.setitem(COMMANDS, "train-clicks", fail)
    config = configured(home, **CLICKED)

    outcome = run_out(ticker(config))

    assert outcome.final
    assert kept(config) is None
    with Store(config.state / FILE, read_only=True) as store:
        assert any("the click network was not trained" in event.words for event in store.events(50))


@pytest.mark.long
@pytest.mark.parametrize(
    "settings", [{"enabled": False}, {"train_minutes": 0.0}, {"engine": "prior_walk"}]
)
def test_nothing_is_trained_unless_it_is_wanted(home: Path, settings: dict[str, object]) -> None:
    wanted = {"enabled": True, **settings}
    config = configured(home, **{**CLICKED, "smart_tool": wanted, "loop": {"budget_labels": 16}})

    run_out(ticker(config))

    assert not runs_of(config)

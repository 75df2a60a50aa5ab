"""Fold models inside the loop: neither ever learns from a label of the other's fold."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.config.loading import Config
from daemon.domain import Stage
from daemon.loop.components import open_connector
from daemon.rules.label_folds import FOLDS
from daemon.runs.ancestry import learned_files
from daemon.runs.audit_records import AuditRequest
from daemon.runs.run_folder import RunFolder, TrainRequest
from daemon.stages.context import Context
from daemon.stages.fold_models import FIRST_SHARE, NEXT_SHARE, advance_fold_models
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.fakes.learner import COMMANDS, train
from tests.integration.workbench import configured, paint, run_out, ticker

ITERATIONS = 100
FOLDED: dict[str, Any] = {
    "audit": {"folds": 2, "every": 2},
    "loop": {"budget_labels": 60, "batch_images": 8, "seed_images": 8},
    "training": {"settings": {"iterations": ITERATIONS}},
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    paint(tmp_path, 60)
    return tmp_path


def runs_of(config: Config, fold: int) -> list[RunFolder]:
    """The finished trainings of a fold, oldest first."""
    folders = sorted((config.state / "runs").glob(f"*-fold-{fold}"))
    return [run for run in map(RunFolder, folders) if run.finished()]


def cycle_of(run: RunFolder) -> int:
    return int(run.path.name.partition("-")[0])


def iterations(run: RunFolder) -> float:
    return float(run.read_request(TrainRequest).settings["iterations"])


def test_the_folds_learn_apart_for_ever_and_judge_each_other(home: Path) -> None:
    config = configured(home, **FOLDED)

    run_out(ticker(config))

    runs = [runs_of(config, fold) for fold in range(FOLDS)]
    assert [cycle_of(run) for run in runs[0]] == [cycle_of(run) for run in runs[1]]
    first, *further = map(cycle_of, runs[0])
    assert further == list(range(first + 2, further[-1] + 1, 2))
    learned = [{file.id for file in learned_files(own[-1])} for own in runs]
    assert min(map(len, learned)) >= 10
    assert not learned[0] & learned[1]
    for own in runs:
        requests = [run.read_request(TrainRequest) for run in own]
        assert [one.parent for one in requests] == [None, *(run.checkpoint for run in own[:-1])]
        shares = [FIRST_SHARE] + [NEXT_SHARE] * (len(own) - 1)
        assert [iterations(run) / ITERATIONS for run in own] == shares
        assert all(not one.unlabeled and one.niceness for one in requests)
        assert [run.checkpoint.exists() for run in own] == [False] * (len(own) - 1) + [True]
    newest = cycle_of(runs[0][-1])
    request = RunFolder(config.state / "runs" / f"{newest:04d}-audit").read_request(AuditRequest)
    judged = {
        fold: {file.id for part in request.parts for file in part.files if part.checkpoint == model}
        for fold, model in enumerate(own[-1].checkpoint for own in runs)
    }
    assert judged[0]
    assert judged[1]
    assert not judged[0] & learned[0]
    assert not judged[1] & learned[1]
    with Store(config.state / FILE, read_only=True) as store:
        assert store.audited_labels().weak == 0  # the first batch too
        assert store.audited_labels().compared == len(store.informative_ids())


def test_a_fold_training_that_fails_is_said_and_the_loop_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_in_folds(run: RunFolder) -> None:
        if "fold" in run.path.name:
            raise SystemExit(1)
        train(run)

    monkeypatch.setitem(COMMANDS, "train", fail_in_folds)
    config = configured(home, **FOLDED)

    outcome = run_out(ticker(config))

    assert outcome.final
    assert not runs_of(config, 0)
    with Store(config.state / FILE, read_only=True) as store:
        assert any(
            "the fold models were not trained" in event.message for event in store.events(99)
        )
        assert store.audited_labels().compared  # by the other models


def until(context: Context, wanted: bool) -> None:
    """Look at the fold models until they run, or until they do not."""
    deadline = time.monotonic() + 60
    while advance_fold_models(context) is not wanted:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_fold_models_stop_while_the_cycle_works_and_go_on_after_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_out(ticker(configured(home, **{**FOLDED, "audit": {"folds": 0}})))
    config = configured(home, **FOLDED)
    launcher, now = ForkLauncher(), lambda: datetime.now(UTC)
    with Store(config.state / FILE) as store:
        context = Context(
            config=config,
            store=store,
            connector=open_connector(config),
            launcher=launcher,
            now=now,
        )
        last = store.last_cycle()
        assert last is not None
        monkeypatch.setenv("FAKE_LEARNER_SECONDS", "600")
        assert advance_fold_models(context)
        assert advance_fold_models(context)  # the first of them runs
        store.start_cycle(last.number + 1, Stage.EMBED, now(), labels=56, train_labels=52)

        assert not advance_fold_models(context)

        assert not launcher._children
        monkeypatch.setenv("FAKE_LEARNER_SECONDS", "0")
        for stage in list(Stage)[:-1]:
            store.finish_stage(last.number + 1, stage, now())
        until(context, True)
        until(context, False)
    assert [cycle_of(run) for fold in range(FOLDS) for run in runs_of(config, fold)] == [
        last.number,
        last.number,
    ]

"""Fold models beside the cycle: neither ever learns from a label of the other's fold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.config.loading import Config
from daemon.domain import Role, Stage
from daemon.loop.components import open_connector
from daemon.rules.label_folds import FOLDS
from daemon.runs.ancestry import learned_files
from daemon.runs.audit_records import AuditRequest
from daemon.runs.run_folder import RunFolder, TrainRequest
from daemon.stages.audit import advance_audit
from daemon.stages.context import Context
from daemon.stages.fold_models import FIRST_SHARE, NEXT_SHARE, advance_fold_models
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.fakes.learner import COMMANDS
from tests.integration.workbench import configured, paint, run_out, ticker

ITERATIONS = 100
LOOP: dict[str, Any] = {
    "loop": {"budget_labels": 60, "batch_images": 28, "seed_images": 28},
    "training": {"settings": {"iterations": ITERATIONS}},
}
FOLDED: dict[str, Any] = {**LOOP, "audit": {"folds": 2, "every": 2}}
TRAIN_LABELS = 56


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """Of a loop whose cycle 2 is done, with all labels and without an audit."""
    paint(tmp_path, 60)
    run_out(ticker(configured(tmp_path, **LOOP, audit={"enabled": False})))
    config = configured(tmp_path, **FOLDED)
    launcher = ForkLauncher()
    with Store(config.state / FILE) as store:
        yield Context(
            config=config,
            store=store,
            connector=open_connector(config),
            launcher=launcher,
            now=now,
        )
    launcher.stop()


def start_cycle(context: Context) -> int:
    last = context.store.last_cycle()
    assert last is not None
    number = last.number + 1
    context.store.start_cycle(
        number, Stage.EMBED, now(), labels=TRAIN_LABELS + 4, train_labels=TRAIN_LABELS
    )
    return number


def finish_cycle(context: Context, number: int) -> None:
    for stage in list(Stage)[:-1]:
        context.store.finish_stage(number, stage, now())


def work(advance: Callable[[Context], bool], context: Context) -> None:
    """What is due now, from its start to its end."""
    assert advance(context)
    deadline = time.monotonic() + 120
    while advance(context):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs_of(config: Config, fold: int) -> list[RunFolder]:
    """The finished trainings of a fold, oldest first."""
    folders = sorted((config.state / "runs").glob(f"*-fold-{fold}"))
    return [run for run in map(RunFolder, folders) if run.finished()]


def judged(context: Context, cycle: int) -> dict[str, set[int]]:
    """Run folder of each model -> ids of the images whose label it judged in this audit."""
    request = context.run(cycle, "audit").read_request(AuditRequest)
    return {part.checkpoint.parent.name: {file.id for file in part.files} for part in request.parts}


def test_the_folds_learn_apart_for_ever_and_judge_each_other(context: Context) -> None:
    work(advance_fold_models, context)
    work(advance_audit, context)
    assert not advance_fold_models(context)  # once in a cycle
    first, serving = judged(context, 2), {"0001-train", "0002-train"}
    assert first.keys() == serving | {"0002-fold-0", "0002-fold-1"}
    assert context.store.audited_labels().weak == 0  # the first batch too

    finish_cycle(context, start_cycle(context))
    assert not advance_fold_models(context)  # every second cycle
    work(advance_audit, context)
    assert judged(context, 3).keys() <= serving  # what is judged needs new eyes
    finish_cycle(context, start_cycle(context))
    other_groups = context.config.validation.model_copy(update={"group_by": r"field(\d)"})
    config = context.config.model_copy(update={"validation": other_groups})
    later = replace(context, config=config)
    work(advance_fold_models, later)
    work(advance_audit, later)

    runs = [runs_of(config, fold) for fold in range(FOLDS)]
    learned = [{file.id for file in learned_files(own[-1])} for own in runs]
    pool = {one.id for one in context.store.images() if one.role is Role.POOL}
    assert min(map(len, learned)) >= 10
    assert not learned[0] & learned[1]
    assert learned[0] | learned[1] == pool
    for own in runs:
        assert [run.path.name[:4] for run in own] == ["0002", "0004"]
        requests = [run.read_request(TrainRequest) for run in own]
        assert [one.parent for one in requests] == [None, own[0].checkpoint]
        shares = [one.settings["iterations"] / ITERATIONS for one in requests]
        assert shares == [FIRST_SHARE, NEXT_SHARE]
        assert all(not one.unlabeled and one.niceness and one.validation for one in requests)
        assert [run.checkpoint.exists() for run in own] == [False, True]
    second = judged(later, 4)
    assert second["0004-fold-0"] == learned[1]  # all of them, not only the first batch
    assert second["0004-fold-1"] == learned[0]


def test_a_fold_training_that_fails_is_said_and_the_audit_goes_on(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(run: RunFolder) -> None:
        raise SystemExit(1)

    monkeypatch.setitem(COMMANDS, "train", fail)

    work(advance_fold_models, context)

    assert not runs_of(context.config, 0)
    newest = context.store.events(1)[0]
    assert newest.message.startswith("the fold models were not trained: 0002-fold-0: train exited")
    assert newest.message.endswith("; the next try is 2 cycles later")
    work(advance_audit, context)
    assert judged(context, 2).keys() == {"0001-train", "0002-train"}


def test_fold_models_stop_while_the_cycle_works_and_go_on_after_it(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = context.launcher
    assert isinstance(launcher, ForkLauncher)
    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "600")
    assert advance_fold_models(context)
    assert advance_fold_models(context)  # the first of them runs
    assert launcher._children
    assert not advance_audit(context)  # it waits for them
    number = start_cycle(context)

    assert not advance_fold_models(context)

    assert not launcher._children
    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "0")
    finish_cycle(context, number)
    work(advance_fold_models, context)
    for fold in range(FOLDS):
        assert [run.path.name for run in runs_of(context.config, fold)] == [f"0002-fold-{fold}"]
    work(advance_audit, context)
    assert "0002-fold-0" in judged(context, number)  # new eyes, though of an older cycle

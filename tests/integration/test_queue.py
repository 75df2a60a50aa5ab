"""The queue of annotators while a model trains."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from daemon.config.loading import Config
from daemon.domain import Role, Stage, Task
from daemon.loop.service import Ticker
from daemon.stages import queue
from daemon.stages.context import Context, by_role
from daemon.store import FILE, Store
from tests.integration.workbench import configured, run_out, run_through_power_cuts, ticker

LOOP = {"budget_labels": 24, "batch_images": 4, "seed_images": 4, "poll_s": 0.05}


def filled(home: Path, **loop: Any) -> Config:
    return configured(home, loop={**LOOP, "queue_low": 2, "queue_top_up": 3, **loop})


def until(daemon: Ticker, words: str) -> None:
    deadline = time.monotonic() + 120
    while not (found := daemon.tick().waiting).startswith(words):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def asked_ahead(config: Config) -> list[Task]:
    with Store(config.state / FILE, read_only=True) as store:
        return [row for row in store.tasks() if "extra image" in row.reason]


def assert_sound(config: Config) -> None:
    """No image twice, the budget spent and not overspent, validation asked by cycle 0 alone."""
    with Store(config.state / FILE, read_only=True) as store:
        images = [row.image_id for row in store.tasks()]
        assert len(images) == len(set(images))
        assert len(store.labeled_ids()) == config.loop.budget_labels
        measuring = {image.id for image in by_role(store.images())[Role.VALIDATION]}
        assert {r.image_id for r in store.tasks() if r.arm == "validation"} == measuring
        assert store.pending_pushes() == []
    assert not {row.image_id for row in asked_ahead(config)} & measuring


def test_while_a_model_trains_the_next_best_images_are_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "0.3")
    config = filled(home)
    daemon = ticker(config)

    until(daemon, "cycle 1: train")

    (first, second) = asked_ahead(config)
    with Store(config.state / FILE, read_only=True) as store:
        reserve = [pick.image_id for pick in store.reserve(0)]
        assert store.last_cycle().labels == 8  # type: ignore[union-attr]
    assert [first.image_id, second.image_id] == reserve[:2]
    assert first.cycle == 0
    assert first.reason.startswith("cycle 0, extra image before the first model: kcenter")
    daemon.tick()
    daemon.tick()
    assert len(asked_ahead(config)) == 3  # the first two are labeled, and three is the most


def test_the_budget_and_the_curve_are_exact_with_images_asked_ahead(home: Path) -> None:
    config = filled(home)

    outcome = run_out(ticker(config))

    assert "budget is spent" in outcome.waiting
    assert_sound(config)
    with Store(config.state / FILE, read_only=True) as store:
        curve = store.curve()
        answered = {row.image_id: row.closed_at for row in store.tasks()}
        for point in curve:
            (begun,) = [
                row.started_at
                for row in store.stage_times()
                if (row.cycle, row.stage) == (point.cycle, Stage.TRAIN)
            ]
            assert point.labels == sum(at is not None and at <= begun for at in answered.values())
    words = [row.reason for row in asked_ahead(config) if row.cycle == 1]
    assert words
    assert all("by the scores of cycle 1: auto" in reason for reason in words)


def test_a_budget_that_is_nearly_spent_is_not_overspent(home: Path) -> None:
    config = filled(home, budget_labels=9, queue_low=8, queue_top_up=8)

    run_out(ticker(config))

    assert_sound(config)
    assert len(asked_ahead(config)) == 1


@pytest.mark.parametrize("after_the_work", [False, True])
def test_a_crash_while_asking_ahead_changes_nothing(
    home: Path, after_the_work: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, deliver, crashes = filled(home), queue.deliver, []

    def crash(context: Context) -> None:
        """Before the tool has got the push, which is written down already, or after."""
        if after_the_work:
            deliver(context)
        if len(crashes) < 3:
            crashes.append("power cut")
            raise OSError("power cut")
        deliver(context)

    monkeypatch.setattr(queue, "deliver", crash)
    run_through_power_cuts(config)

    assert len(crashes) == 3
    assert_sound(config)

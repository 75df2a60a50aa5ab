"""A folder that holds everything of a loop can be moved between two starts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, paint, run_out, ticker


@pytest.mark.long
def test_a_moved_folder_goes_on_also_when_a_training_was_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "30")
    before, after = tmp_path / "before", tmp_path / "after"
    paint(before)
    launcher = ForkLauncher()
    loop = {"budget_labels": 8}  # validation and seed: one training
    daemon = ticker(configured(before, loop=loop), launcher=launcher)
    while "train is running" not in daemon.tick().waiting:
        time.sleep(0.02)
    launcher.stop()
    monkeypatch.delenv("FAKE_LEARNER_SECONDS")

    before.rename(after)
    config = configured(after, loop=loop)
    run_out(ticker(config))

    assert status_json(config)["labels"]["left"] == 0
    assert len(status_json(config)["evaluations"]) == 1
    assert status_json(config)["quarantine"] == []

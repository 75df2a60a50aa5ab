"""`maskloop simulate --learner probe`, with the real encoder and the real probe."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.command import run_command
from tests.integration.simulated_field import command_line, make_field, results, run_of


@pytest.mark.long
def test_arms_are_compared_by_a_probe_on_frozen_features(tmp_path: Path) -> None:
    make_field(tmp_path)
    more = {"learner": "probe", "cycles": "2", "replicates": "1", "full": "probe", "device": "cpu"}

    done = run_command("simulate", *command_line(tmp_path, **more), folder=tmp_path)

    assert done.code == 0, done
    found = results(tmp_path)
    assert [point.train_labels for point in run_of(found, "random").points] == [4, 7]
    assert found.full[0].method == "probe"
    assert found.full[0].miou is not None
    assert found.full[0].miou > 0.4
    assert (tmp_path / "out/report.html").exists()

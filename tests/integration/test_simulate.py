"""`maskloop simulate`, whole, with the quick learner: pairs, exact label counts, A/A runs."""

from __future__ import annotations

import pytest

from daemon.experiment.simulation.simulated_runs import Simulation
from tests.integration.simulated_field import make_field, results, simulate


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    home = tmp_path_factory.mktemp("field")
    make_field(home)
    more = {"seeds": "0,1", "replicates": "1", "full": "supervised"}
    assert simulate(home, **more) == 0
    return results(home)


def test_every_run_has_all_its_points_with_exact_label_counts(found: Simulation) -> None:
    counts = {
        (run.arm, run.seed, run.replicate): [(p.train_labels, p.labels) for p in run.points]
        for run in found.runs
    }

    points = [(4, 8), (7, 11), (10, 14)]
    arms = [("random", 0, 0), ("entropy", 0, 0), ("random", 1, 0), ("entropy", 1, 0)]
    assert counts == dict.fromkeys([*arms, ("random", 0, 1), ("random", 1, 1)], points)
    assert found.complete
    assert found.faults == ()

"""What a simulation shows of its arms."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.simulation.comparison import Comparison, compare, ranking_agreement
from daemon.experiment.simulation.run_figures import RunFigures
from daemon.experiment.simulation.simulated_runs import Simulation
from daemon.insight.paired_difference import Verdict
from tests.fakes.simulations import simulation


def compared(found: Simulation) -> Comparison:
    return compare(found, np.random.default_rng(0))


def test_an_arm_that_leads_is_better_and_one_that_trails_is_worse() -> None:
    found = compared(simulation({"random": 0.0, "auto": 0.03, "kcenter": -0.03}))

    auto, kcenter = found.arm("auto"), found.arm("kcenter")
    assert auto is not None
    assert auto.against is not None
    assert auto.against.verdict is Verdict.BETTER
    # of three intervals the first leads from 0 to 0.03, the others by 0.03
    assert auto.against.difference.mean == pytest.approx(0.025, abs=0.004)
    assert kcenter is not None
    assert kcenter.against is not None
    assert kcenter.against.verdict is Verdict.WORSE
    assert auto.saved is not None
    assert auto.saved.saved > 0
    assert kcenter.saved is not None
    assert kcenter.saved.saved < 0


def test_an_arm_like_random_is_within_noise() -> None:
    found = compared(simulation({"random": 0.0, "kcenter": 0.001}))

    assert found.arms[1].against is not None
    assert found.arms[1].against.verdict is Verdict.WITHIN_NOISE
    assert found.arms[1].against.pairs_needed is not None
    assert found.arms[1].against.pairs_needed > 6


def test_the_first_point_is_shared_and_has_no_verdict() -> None:
    points = compared(simulation({"random": 0.0, "auto": 0.03})).arms[1].points

    assert [point.against is None for point in points] == [True, False, False, False]


def test_the_noise_of_training_is_that_of_the_simulation() -> None:
    found = compared(simulation({"random": 0.0, "auto": 0.0}, noise=0.01, seeds=range(8)))

    assert found.noise is not None
    assert found.noise.sd == pytest.approx(0.01, rel=0.3)
    assert (found.noise.groups, found.noise.freedom) == (32, 64)


def test_first_models_that_arms_share_count_once_in_the_noise() -> None:
    one = simulation({"random": 0.0}, seeds=[0])
    other = [run.model_copy(update={"arm": "auto"}) for run in one.runs]
    twice = one.model_copy(update={"runs": (*one.runs, *other)})

    assert RunFigures(twice).repeated_points() == RunFigures(one).repeated_points()


def test_pairs_are_runs_with_the_same_seed() -> None:
    found = compared(
        simulation({"random": 0.0, "auto": 0.02}, few_seeds={"auto": (1, 4)}, replicates=0)
    )

    auto = found.arms[1]
    assert auto.against is not None
    assert auto.against.difference.n == 2
    assert auto.against.verdict is Verdict.NOT_ENOUGH_PAIRS
    assert auto.against.pairs_needed is None  # a deviation of two pairs says nothing
    assert found.noise is None


def test_labels_to_reach_count_from_the_highest_full_label_line() -> None:
    found = compared(simulation({"random": 0.0, "auto": 0.05}, noise=0.0))

    # 0.9 of 0.83 is 0.747; a level beyond the last point is not reached
    random, auto = (arm.reached for arm in found.arms)
    assert random[0.95] is None
    assert random[0.9] is not None
    assert auto[0.9] is not None
    assert 16 < auto[0.9] < random[0.9] < 64


def test_without_full_label_runs_no_share_of_them_is_reached() -> None:
    found = compared(simulation({"random": 0.0, "auto": 0.05}, full=False))

    assert found.arms[1].reached == {}


def test_the_rarest_class_is_the_one_that_the_first_labels_hold_least() -> None:
    study = simulation({"random": 0.0, "auto": 0.05})
    assert (compared(study).rarest_class, compared(study).rarest_by) == ("weed", "images")

    pixels = {**study.request, "class_pixels": {"soil": 90, "crop": 1, "weed": 9}}
    found = compared(study.model_copy(update={"request": pixels}))
    assert (found.rarest_class, found.rarest_by) == ("crop", "pixels")


def test_auto_is_held_against_the_arm_that_it_leads_least() -> None:
    found = compared(simulation({"random": 0.0, "auto": 0.03, "badge": 0.02, "entropy": -0.02}))

    assert found.best_other is not None
    assert found.best_other.arm == "badge"
    assert found.best_other.against.difference.mean > 0


def test_arms_with_fewer_seeds_are_ranked_by_their_pairs() -> None:
    leads = {"random": 0.0, "auto": 0.06, "badge": 0.04, "kcenter": 0.02}
    all_seeds = simulation(leads, noise=0.001)
    few = simulation(leads, noise=0.001, few_seeds={"auto": (3,), "kcenter": (5,)})

    agreement = ranking_agreement(all_seeds, few)

    assert agreement is not None
    assert agreement.tau == 1


def test_a_run_that_stands_twice_is_refused() -> None:
    one = simulation({"random": 0.0}, seeds=[3], replicates=0)
    twice = one.model_copy(update={"runs": one.runs * 2})

    with pytest.raises(ExperimentRefused, match="'random', seed 3, replicate 0 twice"):
        compared(twice)


def test_an_unfinished_run_counts_where_it_has_points() -> None:
    whole = simulation({"random": 0.0, "auto": 0.03}, seeds=range(4), replicates=0)
    first = whole.runs[1].model_copy(update={"points": whole.runs[1].points[:2]})
    found = compared(whole.model_copy(update={"runs": (whole.runs[0], first, *whole.runs[2:])}))

    auto = found.arms[1]
    assert [len(point.figures) for point in auto.points] == [4, 4, 3, 3]
    assert auto.area is not None
    assert auto.area.n == 3

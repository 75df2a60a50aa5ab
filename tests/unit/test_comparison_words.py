"""A comparison in sentences."""

from __future__ import annotations

import numpy as np

from daemon.experiment.simulation.comparison import compare
from daemon.experiment.simulation.comparison_words import caveats, headline, measured, missing
from daemon.experiment.simulation.simulated_runs import Simulation
from tests.fakes.simulations import simulation


def headline_of(found: Simulation) -> tuple[str, str]:
    return headline(compare(found, np.random.default_rng(0)))


def test_the_headline_is_about_auto_and_has_its_numbers() -> None:
    words, sentence = headline_of(simulation({"random": 0.0, "auto": 0.03, "badge": 0.05}))

    assert words == "auto is better than random"
    assert "mean over 16 to 64 training labels (95 %: +0.0" in sentence
    assert "6 pairs" in sentence
    assert "labels fewer for the same mIoU" in sentence


def test_without_auto_the_headline_is_about_the_arm_that_leads_most() -> None:
    assert headline_of(simulation({"random": 0.0, "badge": 0.05, "entropy": 0.01}))[0] == (
        "badge is better than random"
    )


def test_within_noise_the_headline_says_how_many_pairs_would_decide() -> None:
    words, sentence = headline_of(simulation({"random": 0.0, "auto": 0.001}))

    assert words == "auto and random: no difference is proved"
    assert "If that difference is the true one, " in sentence
    assert "pairs would show it" in sentence


def test_two_pairs_are_not_enough() -> None:
    words, sentence = headline_of(simulation({"random": 0.0, "auto": 0.05}, seeds=[0, 1]))

    assert words == "auto and random: not enough pairs"
    assert sentence.endswith("A verdict takes at least 3 pairs.")


def test_an_unfinished_simulation_says_so_and_names_what_is_missing() -> None:
    whole = simulation({"random": 0.0, "auto": 0.03}, replicates=0, full=False)
    cut = whole.runs[1].model_copy(update={"points": whole.runs[1].points[:2]})
    part = whole.model_copy(
        update={"complete": False, "runs": (whole.runs[0], cut, *whole.runs[3:])}
    )

    assert headline_of(part)[1].startswith("Not finished: ")
    lines = missing(part)
    assert "The simulation is not finished." in lines
    assert "random: no training with seed 1." in lines
    assert "auto: 2 of 4 trainings with seed 0." in lines
    assert any("no full-label line" in line for line in lines)
    assert any(line.startswith("No A/A runs") for line in lines)


def test_a_simulation_without_random_or_without_runs_says_that_nothing_can_be_compared() -> None:
    alone = simulation({"auto": 0.03})
    empty = alone.model_copy(update={"runs": (), "complete": False})

    assert headline_of(alone)[0] == "No result yet"
    assert "There is no arm random, so no arm can be compared with it." in missing(alone)
    assert headline_of(empty)[0] == "No result yet"
    assert "auto: no training with seeds 0 to 5." in missing(empty)


def test_what_was_measured_counts_shared_trainings_once() -> None:
    study = simulation({"random": 0.0, "auto": 0.03}, seeds=range(3), replicates=1)
    comparison = compare(study, np.random.default_rng(0))

    # of a seed: 1 shared, 3 of each arm, 4 of the A/A run
    assert measured(study, comparison)[0].startswith("33 trainings of 2 arms with 3 seeds, preset")
    assert any("in 76 % of simulated cases" in line for line in caveats(study, comparison))

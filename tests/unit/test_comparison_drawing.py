"""Where the lines of the small plots lie."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.experiment.report_pages.axes import Axis
from daemon.experiment.simulation.comparison import compare
from daemon.experiment.simulation.comparison_drawing import bars, panels
from tests.fakes.simulations import simulation


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.61, 0.79, [0.65, 0.70, 0.75]),
        (-0.0041, 0.0039, [-0.004, -0.002, 0.0, 0.002]),
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (10, 109, [20, 40, 60, 80, 100]),
    ],
)
def test_ticks_are_few_round_numbers_of_the_range(
    low: float, high: float, ticks: list[float]
) -> None:
    assert Axis(low=low, high=high, start_px=0, end_px=100).ticks() == pytest.approx(ticks)


def test_a_panel_holds_every_seed_of_the_arm_and_of_random() -> None:
    comparison = compare(simulation({"random": 0.0, "auto": 0.03}), np.random.default_rng(0))

    (panel,) = panels(comparison)

    assert (len(panel.seeds), len(panel.random_seeds)) == (6, 6)
    assert panel.mean.split()[0] == panel.random_mean.split()[0]  # the shared first model
    heights = [float(place.split(",")[1]) for place in panel.mean.split()]
    assert heights == sorted(heights, reverse=True)  # the curve rises: y of SVG grows downwards
    assert panel.strip is not None
    assert len(panel.strip.whiskers) == 3
    assert all(one.mean_px < panel.strip.zero_px for one in panel.strip.whiskers)


def test_bars_are_ordered_by_the_difference() -> None:
    study = simulation({"random": 0.0, "badge": -0.02, "auto": 0.03, "entropy": 0.01})

    found, marks = bars(compare(study, np.random.default_rng(0)))

    assert [bar.arm for bar in found] == ["auto", "entropy", "badge"]
    assert found[0].whisker.low_px < found[0].whisker.mean_px < found[0].whisker.high_px
    assert "0.000" in [mark.text for mark in marks]


def test_two_pairs_are_a_dot_without_a_line() -> None:
    study = simulation({"random": 0.0, "auto": 0.03}, few_seeds={"auto": (0, 1)})

    (bar,), _ = bars(compare(study, np.random.default_rng(0)))

    assert bar.whisker.low_px == bar.whisker.mean_px == bar.whisker.high_px

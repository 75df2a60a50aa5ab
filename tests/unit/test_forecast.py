"""The forecast: laws with known parameters come back, and what is unknown makes intervals wide."""

from __future__ import annotations

import numpy as np
import pytest

from daemon.insight.forecast import Forecast, MeasuredPoint, Range, forecast
from daemon.insight.model_difference import ModelVerdict
from daemon.insight.stop_advice import Advice, stop_advice
from tests.fakes.statuses import UNCLEAR

LABELS = (32, 48, 64, 80, 96, 112)


def foretold(*values: float) -> Forecast | None:
    points = [MeasuredPoint(labels=n, value=y) for n, y in zip(LABELS, values, strict=False)]
    return forecast(points, np.random.default_rng(0))


def power_law(labels: float) -> float:
    return 0.85 - 0.35 * (labels / 32) ** -0.8


def test_a_power_law_is_continued() -> None:
    found = foretold(*map(power_law, LABELS))

    for labels in (128, 200):
        ahead = found.measured(labels)
        assert ahead.low < power_law(labels) < ahead.high
        assert ahead.middle == pytest.approx(power_law(labels), abs=0.02)
    gain = found.gain(128)
    assert 0 < gain.low < power_law(128) - power_law(112) < gain.high < 0.03


def test_the_farther_ahead_the_wider() -> None:
    found = foretold(0.52, 0.61, 0.66, 0.70)

    widths = [found.measured(n).high - found.measured(n).low for n in (96, 160, 400)]

    assert widths == sorted(widths)
    assert widths[0] > 0.01


def test_fewer_than_three_numbers_of_labels_give_no_forecast() -> None:
    again = MeasuredPoint(labels=48, value=0.6)

    assert forecast([], np.random.default_rng(0)) is None
    assert foretold(0.5, 0.6) is None
    assert (
        forecast([MeasuredPoint(labels=32, value=0.5), again, again], np.random.default_rng(0))
        is None
    )


def test_labels_to_reach_a_figure_have_an_interval_and_may_be_out_of_reach() -> None:
    found = foretold(*map(power_law, LABELS))

    near = found.labels_to_reach(0.75, 1000)
    far = found.labels_to_reach(0.99, 1000)

    truth = 32 * (0.10 / 0.35) ** (-1 / 0.8)  # 153: where the law is 0.75
    assert near.low <= truth <= near.high
    assert 130 < near.middle < 200
    assert far.middle == np.inf


def test_the_laws_are_weighed_by_what_they_foretold_of_the_last_point() -> None:
    found = foretold(*map(power_law, LABELS))

    assert sum(family.weight for family in found.families) == pytest.approx(1)
    assert [family.weight for family in found.families] == sorted(
        family.weight for family in found.families
    )[::-1]
    errors = {family.family: abs(family.last_error) for family in found.families}
    assert errors["power"] < errors["logarithmic"]


def test_a_point_with_a_wide_interval_counts_for_less() -> None:
    def at_128(width: float) -> float:
        points = [MeasuredPoint(labels=n, value=power_law(n), width=0.05) for n in LABELS[:5]]
        odd = MeasuredPoint(labels=112, value=power_law(112) - 0.05, width=width)
        return forecast([*points, odd], np.random.default_rng(0)).measured(128).middle

    assert at_128(0.2) > at_128(0.05)


def test_the_same_generator_gives_the_same_forecast() -> None:
    first, second = foretold(0.5, 0.6, 0.65), foretold(0.5, 0.6, 0.65)

    assert first.measured(100) == second.measured(100)


# --- is it worth going on? ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("ends", "advice"),
    [((0.01, 0.03), "go_on"), ((0.001, 0.02), "unclear"), ((-0.002, 0.004), "may_stop")],
)
def test_the_advice_follows_the_gain_of_the_next_batch(
    ends: tuple[float, float], advice: str
) -> None:
    gain = Range(low=ends[0], middle=sum(ends) / 2, high=ends[1])

    found = stop_advice(gain, 16, 5, UNCLEAR)

    assert found.advice is Advice(advice)
    assert found.reason.startswith("The next 16 labels are expected to add +0.0")


def test_a_newest_model_that_is_clearly_better_speaks_against_an_end() -> None:
    better = UNCLEAR.model_copy(update={"verdict": ModelVerdict.BETTER, "words": "clearly better"})

    found = stop_advice(Range(low=-0.002, middle=0.001, high=0.004), 16, 5, better)

    assert found.advice is Advice.GO_ON
    assert found.reason.startswith("The newest model is clearly better; the next 16 labels")


def test_too_few_cycles_are_said() -> None:
    found = stop_advice(None, 16, 2, None)

    assert (found.advice, found.headline) == (Advice.NOT_MEASURED, "Not measured yet")
    assert found.reason == "A forecast takes 3 measured cycles; there are 2."

"""The budget over the days: a date has an interval, or it is not said."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.insight.burndown import NOT_ENOUGH, Burndown, burndown
from daemon.web.burndown_plot import burndown_plots

TODAY = date(2026, 11, 27)


def after(*labels: int, budget: int = 100, open_tasks: int = 0) -> Burndown:
    """As many labels on each day up to yesterday."""
    days = {TODAY - timedelta(days=back): n for back, n in enumerate(reversed(labels), 1)}
    spent = sum(labels)
    return burndown(days, budget=budget, spent=spent, open_tasks=open_tasks, today=TODAY)


def test_the_same_pace_every_day_gives_one_date() -> None:
    found = after(10, 10, 10, open_tasks=25)

    assert found.budget.words == "about 4 Dec 2026 (80 %: 4 Dec 2026 to 4 Dec 2026)"
    assert found.batch.usual == "2026-11-30"
    assert [day.left for day in found.days] == [90, 80, 70, 70]


def test_a_pace_that_varies_gives_a_range_around_the_date() -> None:
    found = after(4, 16, 10, 10)

    assert found.pace is not None
    assert found.pace.low < 10 < found.pace.high
    assert str(found.budget.first) < str(found.budget.usual) < str(found.budget.last)


@pytest.mark.parametrize("labels", [(), (10,), (10, 10)])
def test_two_days_are_not_enough_for_a_date(labels: tuple[int, ...]) -> None:
    found = after(*labels)

    assert found.pace is None
    assert found.budget.words == NOT_ENOUGH
    assert found.pace_words.startswith(f"{NOT_ENOUGH}: a pace takes 3 whole days")


def test_after_two_weeks_without_a_label_there_is_no_pace() -> None:
    found = after(50, *[0] * 20)

    assert found.budget.words == NOT_ENOUGH
    assert "nobody labeled in the last 14 days" in found.pace_words


def test_a_slow_end_that_may_be_no_pace_at_all_stays_open() -> None:
    assert after(20, 0, 0, 0).budget.words.endswith("to open)")


def test_what_is_done_has_no_date() -> None:
    assert after(10, 10, 10, budget=30).budget.words == "done"


@given(
    st.dictionaries(st.dates(TODAY - timedelta(days=60), TODAY), st.integers(0, 500), max_size=20),
    st.integers(0, 5000),
    st.integers(0, 300),
)
def test_the_drawing_stays_inside_its_frame(
    days: dict[date, int], budget: int, open_tasks: int
) -> None:
    spent = sum(days.values())
    found = burndown(days, budget=budget, spent=spent, open_tasks=open_tasks, today=TODAY)

    for plot in burndown_plots(found):
        for point in " ".join((plot.line, plot.ahead, plot.middle)).split():
            x, y = map(float, point.split(","))
            assert 44 <= x <= plot.width - 12
            assert 17 <= y <= plot.height - 25

"""What the loop does now, its stages, and how numbers and times read on the page."""

from __future__ import annotations

import pytest

from daemon.domain import Stage, formatting
from daemon.rules.readiness import Ending
from daemon.status.model import LoopEnd, TaskCounts
from daemon.web.cycle_stages import loop_state, stage_steps
from tests.fakes.statuses import status


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, formatting.ABSENT),
        (0.4, "0 s"),
        (59.6, "1 min"),
        (3600, "1 h"),
        (3599.4, "59 min 59 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_read_well(seconds: float | None, said: str) -> None:
    assert formatting.duration(seconds) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0.0342, "+0.034"), (-0.0342, "\N{MINUS SIGN}0.034"), (-0.0001, "0.000")]
)
def test_differences_show_their_sign(value: float, said: str) -> None:
    assert formatting.signed(value) == said


def test_cycle_0_has_no_steps_that_need_a_model() -> None:
    titles = [step.title for step in stage_steps(status(0, cycle=0, stage=Stage.SELECT))]

    assert titles == ["Embed new images", "Choose the batch", "Send tasks", "People label"]


def test_the_steps_say_what_is_done_and_how_long_it_took() -> None:
    steps = stage_steps(status(2))

    assert [step.state for step in steps] == ["done", "now", *["next"] * 5]
    assert steps[0].seconds == pytest.approx(12.4)


def test_when_nobody_has_to_label_the_loop_waits() -> None:
    none = TaskCounts(open=0, open_batch=0, open_earlier=0, being_sent=0, may_ask=0)
    end = LoopEnd(
        how=Ending.BUDGET_SPENT, words="the label budget is spent", cycles=2, labels=96,
        serving=2, miou=0.6, miou_interval=None,
    )  # fmt: skip

    assert loop_state(status(2, stage=Stage.DONE)) == "People label"
    assert loop_state(status(2, stage=Stage.DONE, tasks=none)) == "Waiting"
    assert loop_state(status(2, stage=Stage.DONE, tasks=none, ended=end)) == "Ended"


def test_times_are_shown_in_utc_before_the_script_runs() -> None:
    assert formatting.moment("2026-11-02T15:20:00+02:00") == "2 Nov 13:20 UTC"
    assert formatting.moment(None) == formatting.ABSENT

"""How long people wait for the next batch, from the times of the stages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.domain import Stage, StageTime
from daemon.stages.waiting_time import pause_min
from tests.fakes.labels import NOON


def cycle(number: int, *minutes: float, gap: float = 0.0) -> list[StageTime]:
    """Stages that took so long, with so many minutes of waiting between them."""
    at, rows = NOON + timedelta(days=number), []
    for stage, each in zip((Stage.EMBED, Stage.TRAIN, Stage.PUSH), minutes, strict=False):
        rows.append(
            StageTime(
                cycle=number,
                stage=stage,
                started_at=at,
                finished_at=at + timedelta(minutes=each),
                seconds=None,
            )
        )
        at += timedelta(minutes=each + gap)
    return rows


def test_nothing_is_known_before_the_first_training() -> None:
    unfinished = cycle(1, 1, 5, 1)
    unfinished[-1] = replace(unfinished[-1], finished_at=None)

    assert pause_min([]) is None
    assert pause_min(cycle(0, 3, 0, 1)) is None  # without a model
    assert pause_min(unfinished) is None
    assert pause_min(cycle(1, 1, 5)) is None  # it asked nobody yet


def test_the_stages_of_a_cycle_are_summed_and_rounded_up() -> None:
    assert pause_min(cycle(1, 1, 5, 1, gap=600)) == 10  # 7 minutes; a stopped daemon is no work


@pytest.mark.parametrize(("minutes", "said"), [(0.0, 1), (1.5, 2), (59, 60), (2000, 1440)])
def test_minutes_become_a_step_that_people_say(minutes: float, said: int) -> None:
    assert pause_min(cycle(1, 0, minutes, 0)) == said


def test_one_odd_cycle_of_the_last_three_changes_nothing() -> None:
    rows = [*cycle(1, 0, 60, 0), *cycle(2, 0, 9, 0), *cycle(3, 0, 700, 0), *cycle(4, 0, 10, 0)]

    assert pause_min(rows) == 10


def test_a_clock_that_was_set_back_counts_as_no_time() -> None:
    rows = cycle(1, 1, 4, 0)
    rows[0] = replace(rows[0], finished_at=rows[0].started_at - timedelta(hours=1))

    assert pause_min(rows) == 5  # 4 minutes

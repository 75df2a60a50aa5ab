"""One sentence says what happens next, and what hinders it."""

from __future__ import annotations

import pytest

from daemon.domain import Source, Stage
from daemon.rules.heartbeat import Liveness
from daemon.status.model import TaskCounts
from daemon.status.model_health import DaemonState, Incident
from daemon.web.next_step import next_step
from tests.fakes.statuses import status

DOWN = Incident(
    source=Source.TOOL,
    kind="ConnectorUnavailable",
    words="GET http://127.0.0.1:8080: refused",
    since="2026-11-22T13:00:00+00:00",
    last_at="2026-11-22T13:30:00+00:00",
    count=9,
)


def daemon(state: Liveness) -> DaemonState:
    return DaemonState(
        state=state, words="", process=None, since=None, looked_at=None, next_at=None
    )


def waits(open_images: int) -> TaskCounts:
    return TaskCounts(
        open=open_images, open_batch=open_images, open_earlier=0, being_sent=0, may_ask=0
    )


def test_before_the_first_run_it_says_how_to_start() -> None:
    assert next_step(status(0)).startswith("Start the loop with `maskloop run`")


def test_a_training_says_how_long_it_takes_and_what_follows() -> None:
    words = next_step(status(4))

    assert words.startswith("A model is being trained, about 1 min 37 s left of this step; then it")


def test_open_images_wait_for_people() -> None:
    words = next_step(status(4, stage=Stage.DONE, progress=None, tasks=waits(3)))

    assert words.startswith("People label 3 open images; the next model is trained when")


def test_without_open_images_it_says_what_the_loop_waits_for() -> None:
    waiting = "3 of 16 new labels that a training needs"

    words = next_step(status(4, stage=Stage.DONE, tasks=waits(0), waiting=waiting))

    assert words == "3 of 16 new labels that a training needs."


@pytest.mark.parametrize("state", [Liveness.DEAD, Liveness.STOPPED])
def test_without_a_daemon_nothing_happens(state: Liveness) -> None:
    assert "until `maskloop run` is started again" in next_step(status(4, daemon=daemon(state)))


def test_a_labeling_tool_that_is_down_is_said_before_all_else_and_a_run_goes_on() -> None:
    words = next_step(status(4, incidents=(DOWN,)))

    assert words.startswith("The run that works now goes on. Nothing is sent or read until")
    assert words.endswith("until the labeling tool works again; then the loop goes on.")

"""People at the end of the budget and of the pool: nobody is left with work that nobody needs."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from daemon.domain import Image, TaskRequest, TaskState
from daemon.loop.components import open_connector
from daemon.loop.service import Ticker
from daemon.rules.readiness import Ending
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.integration.counted import disagreements
from tests.integration.team import Team
from tests.integration.workbench import run_out


def test_a_project_that_came_labeled_is_trained_on(
    tmp_path: Path, make_team: Callable[..., Team]
) -> None:
    """Every image has its label before the first look."""
    team = make_team(queue_low=3, budget_labels=500)
    truth = sorted((tmp_path / "masks").iterdir())
    asks = [ask_for(number, path.name) for number, path in enumerate(truth)]
    with closing(open_connector(team.config)) as somebody_else:
        somebody_else.push(asks, "by hand", "0.0")
    while (question := team.take("ada")) is not None:
        team.submit("ada", question)

    outcome = run_out(team.daemon)

    assert outcome.ended is Ending.ALL_LABELED
    (point,) = team.status()["evaluations"]
    assert point["labels"] == len(truth)
    assert disagreements(team.config) == []


def ask_for(number: int, name: str) -> TaskRequest:
    image = Image(
        id=number,
        key=name,
        name=name,
        uri=name,
        path=Path(name),
        height_px=24,
        width_px=32,
        sha256=name,
    )
    return TaskRequest(image=image, position=number, cycle=0, reason="by hand")


def test_open_images_are_taken_back_when_the_budget_is_spent_and_asked_again_when_it_is_raised(
    make_team: Callable[..., Team],
) -> None:
    """The budget is lowered while people work."""
    team = make_team(queue_low=0)
    team.until("8 images wait")
    team.answer_batch("ada")
    team.until("4 images wait")
    team.answer_batch("ada", 2)

    with_budget(team, 9)
    outcome = run_out(team.daemon)

    assert outcome.ended is Ending.BUDGET_SPENT
    assert team.answer("ben") is None  # nobody labels in vain
    assert team.status()["batch"]["retired"] == 2
    assert team.status()["evaluations"][-1]["labels"] == 10
    assert disagreements(team.config) == []
    with_budget(team, 14)
    team.until("4 images wait")
    taken = [team.answer("ben") for _ in range(4)]
    assert None not in taken
    assert len(set(taken)) == 4
    assert run_out(team.daemon).ended is Ending.BUDGET_SPENT
    assert team.status()["evaluations"][-1]["labels"] == 14
    assert disagreements(team.config) == []


def with_budget(team: Team, budget: int) -> None:
    """The daemon is started again with another budget."""
    loop = team.config.loop.model_copy(update={"budget_labels": budget})
    team.config = team.config.model_copy(update={"loop": loop})
    team.daemon = Ticker(team.config, team.connector, ForkLauncher(), team.now, None)


def test_an_answer_that_comes_after_its_image_was_taken_back_counts(
    make_team: Callable[..., Team],
) -> None:
    team = make_team(queue_low=0)
    team.until("8 images wait")
    team.answer_batch("ada")
    team.until("4 images wait")
    held = team.take("ben")
    assert held is not None
    with_budget(team, 8)
    run_out(team.daemon)

    team.submit("ben", held)
    outcome = run_out(team.daemon)

    assert "9 labels of 8" in outcome.waiting
    batch = team.status()["batch"]
    assert (batch["labeled"], batch["retired"]) == (1, 3)
    assert team.status()["evaluations"][-1]["labels"] == 9
    assert disagreements(team.config) == []


def test_when_every_image_of_a_batch_is_dropped_others_are_asked(
    make_team: Callable[..., Team],
) -> None:
    """Ada and Ben skip all that they are handed: no dead end while there are images."""
    team = make_team(queue_low=0, max_skips=1, budget_labels=16)
    team.until("8 images wait")
    for _ in range(40):
        while (question := team.take("ada")) is None and team.daemon.tick().running:
            time.sleep(0.01)
        if question is None:
            break
        body = {"result": [], "was_cancelled": True}
        team.server.labeling.annotate(question.task, 2, body)
        team.daemon.tick()

    with Store(team.config.state / FILE, read_only=True) as store:
        skipped = len(store.tasks(TaskState.SKIPPED))
    assert skipped > 20
    assert disagreements(team.config) == []

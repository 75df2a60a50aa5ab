"""Every number that a person is shown agrees with every other, whatever people do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from tests.integration.counted import disagreements
from tests.integration.team import Team

PEOPLE = ("ada", "ben", "cleo")
UNUSABLE = np.zeros((9, 9), np.uint8)
ACTS, WEIGHTS = zip(
    *{
        "answer": 10,
        "skip": 3,
        "answer what cannot be used": 2,
        "delete an answer": 2,
        "delete a task": 1,
        "wait for days": 1,
        "nothing": 2,
    }.items(),
    strict=True,
)


@pytest.fixture
def team(make_team: Callable[..., Team]) -> Team:
    return make_team(budget_labels=22, max_wait_hours=30.0)


def act(team: Team, rng: np.random.Generator) -> str:
    """Something that a person does now and then; what it was."""
    what = str(rng.choice(ACTS, p=np.array(WEIGHTS) / sum(WEIGHTS)))
    who = str(rng.choice(PEOPLE))
    labeling = team.server.labeling
    if what == "wait for days":
        team.shift += timedelta(hours=float(rng.uniform(10, 40)))
    elif what == "delete an answer" and labeling.annotations:
        labeling.delete_annotation(int(rng.choice(list(labeling.annotations))))
    elif what == "delete a task" and labeling.tasks:
        labeling.delete_task(int(rng.choice(list(labeling.tasks))))
    elif what in ("answer", "skip", "answer what cannot be used"):
        question = team.take(who)
        if question is None:
            return f"{who} has nothing to do"
        if what == "skip":
            labeling.annotate(question.task, PEOPLE.index(who) + 2, skipped())
        elif what == "answer":
            team.submit(who, question)
        else:
            team.submit(who, question, UNUSABLE)
    return f"{who}: {what}"


def skipped() -> dict[str, object]:
    return {"result": [], "was_cancelled": True}


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
def test_all_counts_add_up_after_everything_that_people_do(team: Team, seed: int) -> None:
    rng, done = np.random.default_rng(seed), []
    for _ in range(50):
        done.append(act(team, rng))
        outcome = team.daemon.tick()

        assert disagreements(team.config) == [], done
        assert outcome.waiting

"""A team in cycle 1 whose anna has labeled validation; another person labels some of it too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from daemon.demo.web_user import OpenTask
from daemon.domain import Role, Stage
from daemon.domain.errors import OutcomeUnknown
from daemon.domain.second_labels import SecondLabelState
from daemon.stages.context import Context
from daemon.stages.measured_agreement import measure_agreement
from daemon.stages.second_labels import advance_second_labels
from daemon.stages.sync import close_tasks, sync_answers
from daemon.stages.tool_settings import repair_tool_settings
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.integration.team import Team


class SecondLabelers:
    """anna has answered the images of cycle 0 but two: ben answered the seventh, the eighth is
    open. Cycle 1 has begun, and nobody works on it."""

    def __init__(self, team: Team, second_labels: int = 1, other: str = "ben") -> None:
        self.team, self.labeling = team, team.server.labeling
        team.until("8 images wait")
        for name in (*["anna"] * 6, other):
            assert team.answer(name)
        self.stage(sync_answers)
        self.stage(close_tasks)
        with self.store() as store:
            store.start_cycle(1, Stage.EMBED, team.now(), labels=7, train_labels=3)
        self.use(second_labels)

    def use(self, second_labels: int) -> None:
        """Another value of the setting."""
        team = self.team
        changed = {"second_labels": second_labels}
        validation = team.config.validation.model_copy(update=changed)
        team.config = team.config.model_copy(update={"validation": validation})

    def store(self) -> Store:
        return Store(self.team.config.state / FILE)

    def stage(self, work: Callable[[Context], Any]) -> None:
        team = self.team
        with self.store() as store:
            work(
                Context(
                    config=team.config,
                    store=store,
                    connector=team.connector,
                    launcher=ForkLauncher(),
                    now=team.now,
                )
            )

    def tick(self) -> None:
        """What a tick does that concerns second labels."""
        self.stage(sync_answers)
        self.stage(close_tasks)
        self.stage(repair_tool_settings)
        self.stage(advance_second_labels)
        self.stage(measure_agreement)

    def tick_that_fails(self) -> None:
        with pytest.raises(OutcomeUnknown):
            self.tick()

    def states(self) -> list[SecondLabelState]:
        with self.store() as store:
            return [label.state for label in store.second_labels()]

    def tasks(self) -> list[int]:
        """The tasks that were asked for a second label, oldest first."""
        with self.store() as store:
            return [int(label.task) for label in store.second_labels()]

    def validation(self) -> set[int]:
        with self.store() as store:
            return set(store.ids(Role.VALIDATION))

    def stream(self, task: int) -> tuple[int, bool]:
        found = self.labeling.tasks[task]
        return found["overlap"], found["is_labeled"]

    def shown(self, question: OpenTask | None) -> list[Any]:
        """The regions that a person begins with."""
        assert question is not None
        return question.result

    def pages(self, task: int) -> int:
        """How many predictions of the version in force a task has."""
        version = self.labeling.projects[self.team.project]["model_version"]
        rows = self.labeling.predictions.values()
        return sum(row["task"] == task and row["model_version"] == version for row in rows)

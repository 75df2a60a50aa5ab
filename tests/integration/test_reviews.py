"""A second look at labels: another person gets a suspicious one, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from daemon.domain import Mask, TaskState
from daemon.domain.label_findings import Finding, FindingType
from daemon.domain.reviews import Review, ReviewState
from daemon.stages.context import Context
from daemon.stages.push import VISIBLE_VERSION
from daemon.stages.reviews import REVIEWS_STOPPED, advance_reviews
from daemon.stages.sync import close_tasks, sync_answers
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.web.app import create_app
from tests.fakes.launcher import ForkLauncher
from tests.integration.team import Team

MakeTeam = Callable[..., Team]
SHARE = {"enabled": False, "review_share": 0.5}


class Reviewed:
    """A team whose anna has labeled some images, and the stage of reviews."""

    def __init__(self, team: Team, images: int = 4) -> None:
        self.team = team
        team.config = team.config.model_copy(
            update={"audit": team.config.audit.model_copy(update=SHARE)}
        )
        team.until("waiting")
        for _ in range(images):
            assert team.answer("anna")
        self.stage(lambda context: sync_answers(context))
        self.stage(lambda context: close_tasks(context))

    def stage(self, work: Callable[[Context], Any]) -> Any:
        team = self.team
        with Store(team.config.state / FILE) as store:
            context = Context(
                config=team.config,
                store=store,
                connector=team.connector,
                launcher=ForkLauncher(),
                now=team.now,
            )
            return work(context)

    def advance(self) -> None:
        """What a tick does about reviews."""
        self.stage(_tick)

    def store(self, read: Callable[[Store], Any]) -> Any:
        return self.stage(lambda context: read(context.store))


def _tick(context: Context) -> None:
    sync_answers(context)
    close_tasks(context)
    advance_reviews(context)

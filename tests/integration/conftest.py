"""Where whole loops live: a folder of painted images, or a team's own project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.label_studio import FakeLabelStudio
from tests.integration.project_team import Bucket, ProjectTeam
from tests.integration.team import Team
from tests.integration.workbench import paint


@pytest.fixture
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with painted images and their masks: as many as `IMAGES` of the module, or 30."""
    paint(tmp_path, getattr(request.module, "IMAGES", 30))
    return tmp_path


@pytest.fixture
def make_team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Team]]:
    """`make_team(queue_low=0)`: a team on a fake server, with these settings of [loop]."""
    with FakeLabelStudio(tmp_path) as server, ExitStack() as made:
        monkeypatch.setenv("TEAM_TOKEN", server.token)

        def team(**loop: Any) -> Team:
            found = Team(tmp_path, server, **loop)
            made.callback(found.close)
            return found

        yield team


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProjectTeam]:
    """A team's own project: its images lie in a bucket, its tasks show them."""
    with FakeLabelStudio(tmp_path) as server, Bucket() as bucket:
        monkeypatch.setenv("TEAM_TOKEN", server.token)
        made = ProjectTeam(tmp_path, server, bucket)
        yield made
        made.close()

"""Where whole loops live: a folder of painted images, or a team's own project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.label_studio import FakeLabelStudio
from tests.integration.project_team import Bucket, ProjectTeam
from tests.integration.workbench import paint


@pytest.fixture
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with painted images and their masks: as many as `IMAGES` of the module, or 30."""
    paint(tmp_path, getattr(request.module, "IMAGES", 30))
    return tmp_path


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProjectTeam]:
    """A team's own project: its images lie in a bucket, its tasks show them."""
    with FakeLabelStudio(tmp_path) as server, Bucket() as bucket:
        monkeypatch.setenv("TEAM_TOKEN", server.token)
        made = ProjectTeam(tmp_path, server, bucket)
        yield made
        made.close()

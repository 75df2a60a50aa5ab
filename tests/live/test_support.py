"""A personal access token, and `maskloop doctor`, against a real Label Studio."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.label_studio import create_or_adopt_project
from connectors.label_studio.api import Api
from daemon.config.loading import Config
from daemon.config.rendering import render
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.diagnostics.doctor import diagnose
from tests.live.live_server import MakeUser

pytestmark = pytest.mark.live


@pytest.fixture
def personal_token(annotator: MakeUser) -> str:
    """As a person makes one under Account & Settings."""
    browser: Any = annotator("pat")
    answer = browser._call("POST", "/api/token/", json={})
    return str(answer.json()["token"])


def test_a_personal_access_token_opens_the_real_server_and_the_doctor_keeps_it_to_itself(
    label_studio: LabelStudioServer, personal_token: str, tmp_path: Path
) -> None:
    number = _project(label_studio, personal_token, "support")
    (tmp_path / "token").write_text(f"{personal_token}\n")
    (tmp_path / "token").chmod(0o600)
    settings = {"url": label_studio.url, "project": number, "token_file": "token"}
    config = Config.model_validate({"label_studio": settings, "images": {"source": "project"}})
    (tmp_path / "config.toml").write_text(render(config))

    report = diagnose(tmp_path / "config.toml", datetime.now(UTC), {})

    tool = report["labeling tool"]
    assert "fault" not in tool
    assert tool["health"] == "HTTP 200"
    assert tool["release"].startswith("1.")
    assert isinstance(tool["signed in as user"], int)
    assert tool["mismatches"] == []
    assert tool["project"]["sampling"] == "Uncertainty sampling"
    assert tool["images"] == {"uploads to Label Studio": 1}
    assert abs(tool["its clock is ahead by s"]) < 30
    assert report["config"]["token"].startswith("file token: a personal access token by its looks")
    assert personal_token not in json.dumps(report)


def _project(server: LabelStudioServer, token: str, title: str) -> int:
    adopted = create_or_adopt_project(
        url=server.url,
        token=lambda: token,
        project=title,
        classes=Config().class_set,
        source=None,
    )
    api = Api(server.url, lambda: token)
    api.post(f"api/projects/{adopted.id}/import", [{"data": {"image": "/data/upload/1/a.png"}}])
    api.close()
    return adopted.id

"""A real Label Studio whose answers are lost on the way: nothing is asked twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.label_studio import LabelStudio
from daemon.demo.label_studio_server import LabelStudioServer
from tests.contract.rigs import CLASSES, LabelStudioRig, Server, folder_source_rig
from tests.fakes.proxy import LossyProxy
from tests.fakes.versions import version
from tests.live.live_server import MakeUser

pytestmark = pytest.mark.live


@pytest.fixture
def tool(label_studio: LabelStudioServer, annotator: MakeUser) -> Iterator[LabelStudioRig]:
    files = Path(label_studio.folder) / "files"
    token = label_studio.credentials.token
    with Server(label_studio.url, token, files, annotator) as server:
        yield folder_source_rig(server)


def test_one_open_task_an_image_and_one_prediction_a_task_after_lost_answers(
    label_studio: LabelStudioServer, tool: LabelStudioRig
) -> None:
    with LossyProxy(label_studio.url) as proxy:
        connector = LabelStudio(
            url=proxy.url,
            project=tool.project,
            token=lambda: label_studio.credentials.token,
            classes=CLASSES,
            source=tool.source,
        )
        proxy.lose = "POST .*/import"
        tasks = connector.push(tool.asks(tool.keys[:4]), "push-1", version(1, 0))
        asks = [replace(ask, task=tasks[ask.image.id]) for ask in tool.asks(tool.keys[:4])]
        connector.rerank(version(1, 1), asks)
        connector.close()

    project = f"api/projects/{tool.project}/"
    versions = tool.api.get(f"{project}model-versions/", extended="true")["static"]
    assert len(proxy.lost) == 2  # the tasks, then the predictions of the re-rank
    assert tool.api.get(project)["task_number"] == 4
    assert {row["model_version"]: row["count"] for row in versions} == {
        version(1, 0): 4,
        version(1, 1): 4,
    }
    assert tool.answer() == tool.keys[:4]

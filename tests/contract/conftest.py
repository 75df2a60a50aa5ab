from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.label_studio import LabelStudio
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.demo.web_user import WebUser
from tests.contract.rigs import (
    CLASSES,
    LabelStudioRig,
    Rig,
    Server,
    folder_rig,
    folder_source_rig,
    json_desk_rig,
    project_source_rig,
)
from tests.fakes.label_studio import FakeLabelStudio
from tests.live.live_server import MakeUser, annotator, label_studio, migrated

__all__ = ["annotator", "label_studio", "migrated"]

LIVE = pytest.mark.live
Make = Callable[..., LabelStudio]


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeLabelStudio]:
    (tmp_path / "files").mkdir()
    with FakeLabelStudio(tmp_path / "files") as server:
        yield server


@pytest.fixture
def fake_server(fake: FakeLabelStudio) -> Iterator[Server]:
    people: dict[str, WebUser] = {}

    def person(name: str) -> WebUser:
        if name not in people:
            people[name] = WebUser(fake.url)
            assert people[name].sign_up("/user/signup/?token=x", f"{name}@example.org", "secret")
        return people[name]

    assert fake.document_root is not None
    with Server(fake.url, fake.token, fake.document_root, person) as server:
        yield server
    for user in people.values():
        user.close()


@pytest.fixture
def fake_tool(fake_server: Server) -> LabelStudioRig:
    """The fake, with images from a folder."""
    return folder_source_rig(fake_server)


@pytest.fixture
def connect(fake: FakeLabelStudio) -> Iterator[Make]:
    made = []

    def make(**changes: Any) -> LabelStudio:
        options = {
            "url": fake.url,
            "project": 1,
            "token": lambda: fake.token,
            "classes": CLASSES,
            "source": None,
            "sleep": lambda seconds: None,
        }
        made.append(LabelStudio(**{**options, **changes}))
        return made[-1]

    yield make
    for connector in made:
        connector.close()


@pytest.fixture
def patient(fake_tool: LabelStudioRig, connect: Make) -> LabelStudioRig:
    """The connector of `fake_tool`, whose pauses take no time."""
    fake_tool.connector = connect(source=fake_tool.source)
    return fake_tool


@pytest.fixture
def live_server(label_studio: LabelStudioServer, annotator: MakeUser) -> Iterator[Server]:
    files = Path(label_studio.folder) / "files"
    with Server(label_studio.url, label_studio.credentials.token, files, annotator) as server:
        yield server


def _label_studio_rig(request: pytest.FixtureRequest, kind: str) -> LabelStudioRig:
    place, source = kind.split("-")
    server = request.getfixturevalue(f"{place}_server")
    return folder_source_rig(server) if source == "folder" else project_source_rig(server)


FAKE = ["fake-folder", "fake-project"]
REAL = [pytest.param("live-folder", marks=LIVE), pytest.param("live-project", marks=LIVE)]


@pytest.fixture(params=["folder", "example", *FAKE, REAL[0]])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    """Every connector."""
    if request.param == "folder":
        return folder_rig(tmp_path)
    if request.param == "example":
        return json_desk_rig(tmp_path)
    return _label_studio_rig(request, request.param)


@pytest.fixture(params=[*FAKE, REAL[0]])
def tool(request: pytest.FixtureRequest) -> LabelStudioRig:
    """Label Studio with either source of images, and the real one with a folder."""
    return _label_studio_rig(request, request.param)


@pytest.fixture(params=[*FAKE, *REAL])
def any_tool(request: pytest.FixtureRequest) -> LabelStudioRig:
    """Label Studio, fake and real, with either source: where the source makes a difference."""
    return _label_studio_rig(request, request.param)

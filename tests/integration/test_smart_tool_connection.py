"""Label Studio is connected to the smart tool once, again when it lost it, and told why if not."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.label_studio import LabelStudio
from connectors.label_studio.label_config import render
from connectors.label_studio.ml_backend_connection import TITLE
from daemon.domain import PredictionVersion
from daemon.smart_tool.connection import CHECK_S, RETRY_S, SmartToolConnection
from daemon.store import FILE, Store
from daemon.web.server import serving
from tests.fakes.clicking import (
    CLASSES,
    LABEL_CONFIG,
    body,
    click_tool,
    clicked_store,
    point,
)
from tests.fakes.label_studio import FakeLabelStudio


class Desk:
    """A fake Label Studio with a project, and a smart tool that is served."""

    def __init__(self, state: Path, opened: ExitStack) -> None:
        clicked_store(state)
        self.state, self.seconds = state, 0.0
        self.server = opened.enter_context(FakeLabelStudio())
        self.server.blocks_private = False
        project = {
            "title": "clicked",
            "label_config": LABEL_CONFIG,
            "show_collab_predictions": True,
        }
        self.project = self.server.labeling.create_project(project)["id"]
        self.connector = LabelStudio(
            url=self.server.url,
            project=self.project,
            token=lambda: self.server.token,
            classes=CLASSES,
            source=None,
            sleep=lambda _: None,
        )
        opened.callback(self.connector.close)
        self.tool = click_tool(state, project=self.project, secret="a password")
        address = opened.enter_context(serving(dict, smart_tool=self.tool))
        self.connection = SmartToolConnection(
            f"{address}/smart-tool", self.tool.secret, lambda: self.seconds, self.tool.figures
        )

    def keep(self) -> list[str]:
        """Look at the connection; the words of the events so far."""
        with Store(self.state / FILE) as store:
            self.connection.keep(self.connector, store, datetime.now(UTC))
            return [event.message for event in store.events(100)]

    def version(self) -> str:
        return str(self.server.labeling.projects[self.project]["model_version"])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as opened:
        yield Desk(tmp_path, opened)


def test_one_connection_is_made_and_clicks_go_through_it(desk: Desk) -> None:
    words = desk.keep()
    desk.seconds += CHECK_S
    assert desk.keep() == words == [f"connected the smart tool {desk.connection.target}"]

    (backend,) = desk.server.backends.values()
    known = (backend["basic_auth_user"], backend["basic_auth_pass"])
    click = body(point(), project=f"{desk.project}.1795340471")
    with httpx.Client(trust_env=False, timeout=60, auth=known) as web:
        answer = web.post(f"{backend['url']}/predict", content=click)
    assert len(answer.json()["results"][0]["result"]) == 1
    assert desk.server.webhooks == {}
    assert desk.version() == ""  # not the title of the connection, which would hide our order


def test_a_version_in_force_stays_in_force(desk: Desk) -> None:
    version = str(PredictionVersion(cycle=1, attempt=0, nonce="abcdef"))
    desk.server.labeling.projects[desk.project]["model_version"] = version

    desk.keep()

    assert desk.version() == version


def test_it_is_looked_at_now_and_then_only(desk: Desk) -> None:
    desk.keep()
    desk.server.backends.clear()

    desk.keep()
    assert desk.server.backends == {}
    desk.seconds += CHECK_S
    desk.keep()

    assert len(desk.server.backends) == 1


def test_what_people_changed_is_mended_and_their_own_backend_stays(desk: Desk) -> None:
    desk.keep()
    (ours,) = desk.server.backends.values()
    desk.server.backends[7] = {**ours, "id": 7, "is_interactive": False}
    other = {**ours, "id": 8, "title": "SAM", "url": "http://127.0.0.1:9/sam"}
    desk.server.backends[8] = other
    ours |= {"basic_auth_pass": "an older one", "is_interactive": False}
    desk.seconds += CHECK_S

    desk.keep()

    mine, theirs = desk.server.backends.values()
    assert (mine["id"], mine["is_interactive"], mine["basic_auth_pass"]) == (1, True, "a password")
    assert (theirs["id"], theirs["title"]) == (8, "SAM")


@pytest.mark.parametrize(
    ("blocked", "words"),
    [(True, "LABEL_STUDIO_ML_BLOCK_LOCAL_IP=false"), (False, "[smart_tool] url")],
)
def test_why_there_is_no_connection_is_said_once(desk: Desk, blocked: bool, words: str) -> None:
    desk.server.blocks_private = blocked
    if not blocked:
        desk.connection.target = "http://127.0.0.1:9/smart-tool"  # where nobody listens

    for _ in range(3):
        events = desk.keep()
        desk.seconds += RETRY_S

    assert len(events) == 1
    assert words in events[0]
    assert desk.tool.secret not in events[0]
    assert len(desk.server.backends) == blocked  # never a second one


def test_check_prints_the_tag_that_is_missing(desk: Desk) -> None:
    assert desk.connector.smart_tool_faults() == ()
    desk.server.labeling.projects[desk.project]["label_config"] = render(CLASSES)

    (fault,) = desk.connector.smart_tool_faults()

    assert '<KeyPointLabels name="click" toName="image" smart="true" smartOnly="true">' in str(
        fault
    )


def test_a_wrong_password_is_refused_on_the_real_port(desk: Desk) -> None:
    desk.keep()
    wrong = base64.b64encode(b"maskloop:guess").decode()

    with httpx.Client(
        trust_env=False, timeout=60, headers={"Authorization": f"Basic {wrong}"}
    ) as web:
        answer = web.post(f"{desk.connection.target}/predict", content=body(point()))

    assert answer.status_code == 401
    assert TITLE not in answer.text


def test_what_became_of_clicks_is_an_event_now_and_then(desk: Desk) -> None:
    desk.keep()
    for regions in ([point()], [point(), point(40, 40, is_positive=False)], []):
        desk.tool.predict(body(*regions, project=f"{desk.project}.1"))

    for _ in range(2):
        desk.seconds += CHECK_S
        events = desk.keep()

    (said,) = [words for words in events if "suggested" in words]
    assert said == (
        "the smart tool suggested 2 masks (2 by same_colour); 0.00 s each (median; 95 %: 0.00); "
        "50% of the clicks negative; no mask: no click 1"
    )


def test_a_session_goes_on_over_a_restart_of_label_studio(desk: Desk) -> None:
    """Clicks of one object before and after it; while it starts, the daemon asks in vain."""

    def click(*points: dict[str, Any]) -> dict[str, Any]:
        content = body(*points, project=f"{desk.project}.1795340471")
        (region,) = desk.tool.predict(content)["results"][0]["result"]
        return dict(region)

    desk.keep()
    before = click(point())
    desk.server.fail("GET", "/api/ml/", "refuse", times=100)
    desk.seconds += CHECK_S
    assert len(desk.keep()) == 2  # that it is not there
    desk.seconds += RETRY_S
    assert len(desk.keep()) == 2  # said once
    desk.server._faults.clear()
    desk.seconds += RETRY_S
    desk.keep()

    after = click(point(), point(40, 40, is_positive=False))

    assert after["id"] == before["id"]
    assert after["value"] != before["value"]
    assert len(desk.server.backends) == 1
    assert sum(words.startswith("connected") for words in desk.keep()) == 1

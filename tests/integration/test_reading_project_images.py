"""Pictures of a Label Studio project, read beside the ticks over a connection of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.loop.components import open_connector
from daemon.loop.service import Ticker
from daemon.stages import image_readers
from daemon.stages.image_readers import BackgroundReader
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.launcher import ForkLauncher
from tests.integration.project_team import FIELDS, Bucket, ProjectTeam


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProjectTeam]:
    monkeypatch.setattr(image_readers, "STOP_TIMEOUT_S", 0.1)
    with FakeLabelStudio(tmp_path) as server, Bucket() as bucket:
        monkeypatch.setenv("TEAM_TOKEN", server.token)
        made = ProjectTeam(tmp_path, server, bucket)
        connector = open_connector(made.config)
        reader = BackgroundReader(connector, made.config)
        made.daemon = Ticker(
            made.config, made.connector, ForkLauncher(), made.now, None, reader=reader
        )
        yield made
        reader.stop()
        made.close()


def readdress(team: ProjectTeam, old: str, new: str) -> None:
    for row in team.server.labeling.tasks.values():
        data = {"image": row["data"]["image"].replace(old, new)}
        team.server.labeling.patch_task(row["id"], {"data": data})


def test_a_project_is_read_once_and_labeled_to_the_end(team: ProjectTeam) -> None:
    team.finish()

    assert team.status()["labels"]["spent"] == 16
    assert len(team.images()) == FIELDS
    assert team.bucket.fetched() == FIELDS


def test_renewed_signatures_and_a_move_to_another_host_double_nothing(team: ProjectTeam) -> None:
    team.until("wait for annotators")
    before = {image.id: image.sha256 for image in team.images()}
    fetched = team.bucket.fetched()

    readdress(team, "Signature=1", "Signature=2")
    team.minute()
    team.until("wait for annotators")
    assert team.bucket.fetched() == fetched

    readdress(team, "127.0.0.1", "localhost")
    team.minute()
    team.until("wait for annotators")

    assert {image.id: image.sha256 for image in team.images()} == before
    assert all("localhost" in image.uri for image in team.images())
    assert team.bucket.fetched() == fetched + FIELDS


def test_an_image_that_arrives_with_its_answer_counts_as_soon_as_it_is_read(
    team: ProjectTeam,
) -> None:
    team.until("wait for annotators")
    team.bucket.put("late.png", (team.home / "images" / team.names[0]).read_bytes()[:-1] + b"\x83")
    team.add([team.address("late.png")])
    (task,) = [n for n, row in team.server.labeling.tasks.items() if "late" in str(row["data"])]
    team.server.labeling.annotate(task, 1, {"result": []})

    team.daemon.tick()
    deadline = time.monotonic() + 120
    while len(team.images()) == FIELDS:
        assert time.monotonic() < deadline
        time.sleep(0.02)
        team.daemon.tick()
    team.daemon.tick()

    late = next(image.id for image in team.images() if image.name == "late.png")
    with team.store() as store:
        assert late in store.labeled_ids()
    assert team.status()["quarantine"] == []

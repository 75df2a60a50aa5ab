"""Incidents of a whole daemon: one beginning and one end in log, status, page and doctor."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from connectors.label_studio import LabelStudio, create_or_adopt_project
from daemon.cli.terminal import show_status
from daemon.config.loading import Config
from daemon.config.rendering import render
from daemon.diagnostics.doctor import diagnose
from daemon.domain.errors import RunFailed
from daemon.loop.service import Ticker
from daemon.runs.run_folder import RunFolder
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.web.app import create_app
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, paint

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
STEP = timedelta(minutes=5)


class Clock:
    """A clock that is moved by hand."""

    at = NOON

    def now(self) -> datetime:
        return self.at


class BrokenLauncher(ForkLauncher):
    """Every run fails until it is mended."""

    broken = True

    def advance(self, run: RunFolder, command: str) -> bool:
        if self.broken:
            raise RunFailed(f"{run.path.name}: {command}: weights: no such file")
        return super().advance(run, command)


def waiting(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "daemon.loop.service"]


def test_a_run_that_fails_for_a_day_is_a_few_lines_and_one_incident(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "daemon.loop.service")
    paint(tmp_path)
    config, clock, launcher = configured(tmp_path), Clock(), BrokenLauncher()
    loop = Ticker(config, _folder(config), launcher, clock.now, None)

    for _ in range(24 * 12):
        loop.tick_and_report()
        clock.at += STEP
    (during,) = status_json(config)["incidents"]
    said = waiting(caplog)
    launcher.broken = False
    clock.at += timedelta(hours=1)
    for _ in range(200):
        loop.tick_and_report()
        clock.at += STEP
        if not status_json(config)["incidents"]:
            break
        time.sleep(0.01)

    assert len(said) <= 6
    assert said[0].startswith("waiting source=run kind=RunFailed: ")
    assert (during["source"], during["since"]) == ("run", NOON.isoformat())
    assert 20 < during["count"] < 60  # an attempt an hour, more often at first
    assert len(waiting(caplog)) == len(said) + 1
    assert waiting(caplog)[-1].startswith("continuing after 1 day, ")


def _folder(config: Config) -> object:
    from daemon.loop.components import open_connector

    return open_connector(config)


def test_a_labeling_tool_that_is_down_is_shown_with_its_beginning_everywhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    caplog.set_level(logging.INFO, "daemon.loop.service")
    (tmp_path / "images").mkdir()
    config = Config.model_validate(
        {
            "label_studio": {"project": 1, "token_file": "token"},
            "images": {"source": "project"},
            "home": tmp_path,
        }
    )
    (tmp_path / "config.toml").write_text(render(config))
    (tmp_path / "token").write_text("t" * 40)
    (tmp_path / "token").chmod(0o600)
    clock = Clock()
    with FakeLabelStudio(tmp_path) as fake:
        create_or_adopt_project(
            url=fake.url,
            token=lambda: fake.token,
            project="doctor",
            classes=config.class_set,
            source=None,
        )
        fake_token, token = fake.token, "refused"
        connectors = ExitStack()

        def loop() -> Ticker:
            connector = LabelStudio(
                url=fake.url,
                project=1,
                token=lambda: token,
                classes=config.class_set,
                source=None,
                sleep=lambda seconds: None,
            )
            connectors.enter_context(closing(connector))
            return Ticker(config, connector, ForkLauncher(), clock.now, None)

        daemon = loop()
        for _ in range(60):
            daemon.tick_and_report()
            clock.at += STEP
        token = fake_token
        refused = [line for line in waiting(caplog) if "401" in line]
        daemon.tick_and_report()
        assert status_json(config)["incidents"] == []
    clock.at += timedelta(hours=2)
    since, daemon = clock.at, loop()
    for _ in range(60):  # now nothing answers there
        daemon.tick_and_report()
        clock.at += STEP
    connectors.close()

    (incident,) = status_json(config)["incidents"]
    console = Console(record=True, width=300)
    show_status(read_status(config), console)
    page = create_app(lambda: read_status(config)).test_client().get("/").get_data(as_text=True)
    findings = diagnose(tmp_path / "config.toml", clock.at, {})["findings"]

    assert incident["source"] == "labeling tool"
    assert (incident["count"], incident["since"]) == (60, since.isoformat())
    assert "Labeling tool does not work since" in page
    assert f"does not work: labeling tool, since {since.isoformat()[:16]}" in console.export_text()
    assert any("does not work: labeling tool" in words for words in findings)
    assert len(refused) == 3  # the beginning, and after 1 and 2 hours more
    assert len(waiting(caplog)) == 3 + 1 + 3
    noisy = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(noisy) == 3 + 3  # neither httpx nor anybody else logs a line a look


def test_an_incident_of_a_killed_daemon_goes_on_in_the_next_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "daemon.loop.service")
    paint(tmp_path)
    config, clock = configured(tmp_path), Clock()
    Ticker(config, _folder(config), BrokenLauncher(), clock.now, None).tick_and_report()
    clock.at += timedelta(hours=3)

    Ticker(config, _folder(config), BrokenLauncher(), clock.now, None).tick_and_report()

    (incident,) = status_json(config)["incidents"]
    assert (incident["since"], incident["count"]) == (NOON.isoformat(), 2)
    assert len(waiting(caplog)) == 2  # each has a log of its own
    with Store(config.state / FILE, read_only=True) as store:
        assert store.open_incidents()[0].reason.words.endswith("no such file")

"""config.toml changes under a running daemon: what is used, what waits, what is refused."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.config.loading import load_config
from daemon.domain import Source
from daemon.loop.reload import SETTLE_S, Reload, SettingsInForce, report_reload
from daemon.rules.incidents import Incidents
from daemon.store import Store

NOW = datetime(2026, 11, 27, 7, 0, tzinfo=UTC)
TEXT = '[loop]\nbatch_images = 8\n[web]\nport = 8060\n[selection]\nstrategy = "hybrid"\n'


class Daemon:
    """A file, the settings in force, and a steady clock that a test moves."""

    def __init__(self, folder: Path) -> None:
        self.path, self.at_s, self.soon = folder / "config.toml", 0.0, 0
        self.path.write_text(TEXT)
        config = load_config(self.path)
        self.settings = SettingsInForce(self.path, config, self._count, lambda: self.at_s)
        assert self.look() is None

    def write(self, *changes: tuple[str, str]) -> None:
        text = TEXT
        for old, new in changes:
            text = text.replace(old, new)
        self.path.write_text(text)

    def look(self) -> Reload | None:
        """A look, one second of rest, and another look."""
        first = self.settings.look()
        self.at_s += SETTLE_S
        return first or self.settings.look()

    def words(self) -> str:
        found = self.look()
        assert found is not None
        return found.words()

    def _count(self) -> None:
        self.soon += 1


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    return Daemon(tmp_path)


def test_a_valid_change_is_in_force_and_is_said_once(daemon: Daemon) -> None:
    daemon.write(("batch_images = 8", "batch_images = 4"), ("hybrid", "random"))

    assert daemon.words() == (
        'config.toml was read again: [loop] batch_images 8 -> 4, [selection] strategy "hybrid" -> '
        '"random"'
    )
    assert daemon.settings.config.loop.batch_images == 4
    assert daemon.look() is None


def test_a_file_that_is_being_written_is_left_alone(daemon: Daemon) -> None:
    for size in (1, 20, 40, len(TEXT)):  # an editor writes it in parts
        daemon.path.write_text(TEXT.replace("8\n", "5\n")[:size])
        assert daemon.settings.look() is None
        daemon.at_s += SETTLE_S / 2

    assert daemon.soon == 5  # and one at the start
    daemon.at_s += SETTLE_S
    found = daemon.settings.look()
    assert found is not None
    assert daemon.settings.config.loop.batch_images == 5


def test_what_needs_a_restart_keeps_its_value_and_the_rest_counts(daemon: Daemon) -> None:
    daemon.write(("port = 8060", "port = 9000"), ("batch_images = 8", "batch_images = 4"))

    assert daemon.words() == (
        "config.toml was read again: [loop] batch_images 8 -> 4; needs a restart, until then the "
        "old value is used: [web] port 8060 -> 9000"
    )
    assert daemon.settings.config.web.port == 8060
    daemon.write(("batch_images = 8", "batch_images = 4"))
    assert daemon.words().endswith("no setting differs from those in use")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[loop]\nbatch_images = 0\n", "line 2: [loop] batch_images = 0: expected a whole number"),
        ("[loop\n", "cannot be read as TOML"),
        ('[selection]\nstrategy = "hybrd"\n', "strategy 'hybrd' is unknown"),
        ("[web]\nport = 2026-01-01\n", "line 2: [web] port = datetime.date(2026, 1, 1)"),
        ("a = '\0'", "cannot be read as TOML"),
        ("#" * 2_100_000, "has more than"),
    ],
)
def test_a_file_with_a_fault_never_replaces_a_good_one(
    daemon: Daemon, text: str, words: str
) -> None:
    before = daemon.settings.config
    daemon.path.write_text(text)

    assert words in daemon.words()
    assert daemon.settings.config is before
    assert daemon.look() is None  # said once
    daemon.write(("batch_images = 8", "batch_images = 3"))
    assert daemon.words().startswith("config.toml can be used again: [loop] batch_images 8 -> 3")
    assert daemon.settings.fault == ""


@pytest.mark.parametrize("kind", ["none", "folder", "pipe"])
def test_a_file_that_is_gone_or_is_no_file_is_a_fault(daemon: Daemon, kind: str) -> None:
    daemon.path.unlink()
    if kind == "folder":
        daemon.path.mkdir()
    elif kind == "pipe":
        os.mkfifo(daemon.path)

    assert "the daemon goes on with the settings that it has" in daemon.words()
    assert daemon.settings.config.loop.batch_images == 8


def test_a_signal_reads_the_file_at_once_and_always_gets_an_answer(daemon: Daemon) -> None:
    daemon.write(("batch_images = 8", "batch_images = 4"))
    daemon.settings.ask()
    found = daemon.settings.look()

    assert found is not None
    assert "8 -> 4" in found.words()
    daemon.settings.ask()
    assert "no setting differs" in daemon.words()
    assert daemon.soon >= 2


def test_a_comment_or_a_new_time_is_no_news(daemon: Daemon) -> None:
    daemon.path.write_text(f"# mine\n{TEXT}")
    assert daemon.look() is None
    daemon.path.touch()
    assert daemon.look() is None


def test_no_secret_is_said(daemon: Daemon) -> None:
    daemon.write(("[web]", '[label_studio]\nurl = "http://me:hunter22@host"\n[web]'))

    assert "hunter22" not in daemon.words()


def test_a_fault_is_an_incident_until_it_is_mended(
    daemon: Daemon, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "daemon.loop.reload")
    incidents = Incidents()
    with Store(tmp_path / "store.db") as store:
        for _ in range(3):  # it comes back, and still ends at once
            daemon.path.write_text("[loop")
            report(daemon, store, incidents)
            (incident,) = store.open_incidents()
            assert incident.reason.source is Source.CONFIG
            assert "cannot be read as TOML" in incident.reason.words
            daemon.write()
            report(daemon, store, incidents)
            assert store.open_incidents() == []
        levels = [event.level for event in store.events()]

    assert levels == ["info", "warning"] * 3
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"] * 3


def report(daemon: Daemon, store: Store, incidents: Incidents) -> None:
    found = daemon.look()
    assert found is not None
    report_reload(found, daemon.settings.config, store, incidents, NOW)

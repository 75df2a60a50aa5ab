"""A daemon that is killed, one that is stopped, and what the page says about its last run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.config.loading import Config
from daemon.diagnostics.doctor import diagnose
from daemon.domain import Stage, TaskState
from daemon.loop.components import open_connector
from daemon.loop.pulse import Pulse
from daemon.loop.service import Ticker
from daemon.runs.records import Progress
from daemon.runs.run_folder import RunFolder
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store
from daemon.store.health import last_heartbeat
from daemon.web.app import create_app
from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, paint, ticker

PATIENCE_S = 120.0
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    paint(tmp_path)
    return configured(tmp_path)


@pytest.fixture
def daemon(config: Config) -> Iterator[subprocess.Popen[bytes]]:
    """`maskloop run` as a process of its own, after its first look."""
    path = str(config.home / "config.toml")
    command = [sys.executable, "-m", "daemon.cli", "--config", path, "run"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    until(lambda: has_looked(config))
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()


def has_looked(config: Config) -> bool:
    beat = last_heartbeat(config.state / FILE)
    return beat is not None and beat.looked_at is not None


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def page_of(config: Config) -> str:
    return create_app(lambda: read_status(config)).test_client().get("/").get_data(as_text=True)


def test_a_killed_daemon_is_dead_at_once_on_the_page_in_status_and_for_the_doctor(
    config: Config, daemon: subprocess.Popen[bytes]
) -> None:
    alive = status_json(config)["daemon"]
    assert (alive["state"], alive["words"], alive["process"]) == ("running", "", daemon.pid)
    assert alive["next_at"] > alive["looked_at"]

    os.kill(daemon.pid, signal.SIGKILL)
    daemon.wait()
    found = status_json(config)

    assert found["daemon"]["state"] == "dead"
    assert found["daemon"]["words"].startswith("no daemon since ")
    assert "no daemon since " in page_of(config)
    until(lambda: status_json(config)["progress"] is None)  # the run has died with it
    findings = diagnose(config.home / "config.toml", datetime.now(UTC), {})["findings"]
    assert any("no daemon since" in words for words in findings)


def test_a_stopped_daemon_left_word(config: Config, daemon: subprocess.Popen[bytes]) -> None:
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(PATIENCE_S) == 0

    found = status_json(config)["daemon"]

    assert found["state"] == "stopped"
    assert "it was stopped" in found["words"]


def test_before_the_first_run_status_says_that_there_was_none(config: Config) -> None:
    assert status_json(config)["daemon"]["state"] == "never ran"
    assert "has not run yet" in page_of(config)


def test_progress_is_shown_only_while_a_process_works_in_the_run(config: Config) -> None:
    with Store(config.state / FILE) as store:
        store.start_cycle(1, Stage.TRAIN, NOON, labels=0, train_labels=0)
    run = RunFolder(config.state / "runs" / "0001-train")
    run.path.mkdir(parents=True)
    run.write_progress(Progress(phase="student", step=3, steps=9, eta_s=34.0))

    with run.locked():
        working = status_json(config)["progress"]
    dead = status_json(config)["progress"]

    assert working is not None
    assert working["eta_s"] == 34.0
    assert dead is None


class Machine:
    """A wall clock that is set by hand beside a steady one."""

    def __init__(self) -> None:
        self.wall, self.steady = NOON, 1000.0

    def now(self) -> datetime:
        return self.wall

    def steady_s(self) -> float:
        return self.steady

    def go_on(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.steady += seconds


@pytest.mark.parametrize("jump", [timedelta(days=365), timedelta(hours=-1)])
def test_a_clock_that_is_set_is_said_once_and_moves_what_waits_with_it(
    config: Config, jump: timedelta
) -> None:
    machine = Machine()
    loop = Ticker(config, open_connector(config), ForkLauncher(), machine.now, None)
    until(lambda: loop.tick().running is False)  # people answer at the next look
    asked = tasks_of(config)
    pulse = Pulse(machine.now, machine.steady_s, 10.0)
    for seconds in (0, 10, 10):
        machine.go_on(seconds)
        with Store(config.state / FILE) as store:
            pulse.begin_tick(store)
    machine.wall += jump
    for seconds in (0, 10, 10):
        machine.go_on(seconds)
        with Store(config.state / FILE) as store:
            pulse.begin_tick(store)

    moved = tasks_of(config)

    assert {row["state"] for row in asked} == {TaskState.OPEN}
    before, after = (
        [datetime.fromisoformat(row["asked_at"]) for row in rows] for rows in (asked, moved)
    )
    assert after == [at + jump for at in before]
    words = [event["message"] for event in status_json(config)["events"]]
    assert sum("the clock of this machine was set" in one for one in words) == 1


def test_a_clock_that_is_corrected_moves_nothing_that_the_right_clock_wrote(config: Config) -> None:
    machine = Machine()
    loop = Ticker(config, open_connector(config), ForkLauncher(), machine.now, None)
    until(lambda: loop.tick().running is False)
    asked = tasks_of(config)
    machine.wall += timedelta(days=365)  # the machine starts with a wrong clock,
    pulse = Pulse(machine.now, machine.steady_s, 10.0)
    with Store(config.state / FILE) as store:
        pulse.begin_tick(store)
        machine.wall -= timedelta(days=365)  # which NTP sets right
        pulse.begin_tick(store)

    assert tasks_of(config) == asked


def tasks_of(config: Config) -> list[dict[str, str]]:
    with Store(config.state / FILE, read_only=True) as store:
        return store._rows("SELECT * FROM tasks ORDER BY task")


def test_a_failure_of_the_future_is_tried_again_now(config: Config) -> None:
    daemon = ticker(config)
    daemon.tick()
    with Store(config.state / FILE) as store:
        store.count_failure(0, datetime.now(UTC) + timedelta(days=365))

    outcome = daemon.tick()

    assert "tried again in" not in outcome.waiting

"""The daemon as a process: faults said once, a clean end."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.child_process import running
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, ticker

SECONDS = 120.0


def test_an_outage_is_said_once_when_it_starts_and_once_when_it_ends(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "daemon.loop.service")
    config = configured(home)
    daemon = ticker(config)
    (home / "state").mkdir()
    runs = home / "state" / "runs"
    runs.write_text("a file where a folder belongs")

    for _ in range(3):
        daemon.tick_and_report()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Not a directory" in status_json(config)["waiting"]
    runs.unlink()
    daemon.tick_and_report()

    assert "continuing after" in caplog.records[-1].message
    assert [event["level"] for event in status_json(config)["events"]] == ["info", "warning"]


def test_sigterm_ends_the_daemon_and_its_children_within_seconds(home: Path) -> None:
    configured(home)
    command = [sys.executable, "-m", "daemon.cli", "--config", str(home / "config.toml"), "run"]
    with running(command, stderr=subprocess.PIPE, text=True) as daemon:
        request = home / "state" / "runs" / "0000-embed" / "log.txt"
        deadline = time.monotonic() + 120
        while not request.exists():
            assert time.monotonic() < deadline, "the first run did not start"
            time.sleep(0.1)

        daemon.send_signal(signal.SIGTERM)

        assert daemon.wait(SECONDS) == 0
    assert _running_in(home) == []


def _running_in(home: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(home) in words and entry.name.isdigit():
            found.append(words)
    return found

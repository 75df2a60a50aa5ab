"""A running daemon follows config.toml: a change, a signal, a faulty file, a key for a restart."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.config.loading import Config
from daemon.domain.errors import StoreTooOld
from daemon.setup.config_changes import set_setting
from tests.fakes.child_process import running
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured

SECONDS = 60.0


@contextmanager
def daemon_in(home: Path) -> Iterator[subprocess.Popen[Any]]:
    """`maskloop run` with the quick learner; what it logs goes to home/daemon.log."""
    command = [sys.executable, "-m", "tests.fakes.daemon", str(home), "run"]
    with (home / "daemon.log").open("wb") as log, running(command, stderr=log) as daemon:
        yield daemon


def wait_for(what: Callable[[], object], home: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        with suppress(StoreTooOld):  # the daemon makes the store, table by table
            if what():
                return
        assert time.monotonic() < deadline, (home / "daemon.log").read_text()
        time.sleep(0.2)


def said(config: Config) -> str:
    return "\n".join(event["words"] for event in status_json(config)["events"])


def labels(config: Config) -> int:
    spent: int = status_json(config)["labels"]["spent"]
    return spent


def change(home: Path, key: str, value: object) -> None:
    table, name = key.split(".")
    set_setting(home / "config.toml", (table, name), value, datetime.now(UTC))


def test_a_running_daemon_follows_its_file_and_survives_a_faulty_one(home: Path) -> None:
    config = configured(home, loop={"budget_labels": 8, "poll_s": 0.2})
    path = home / "config.toml"
    with daemon_in(home) as daemon:
        wait_for(lambda: labels(config) == 8, home)
        change(home, "loop.budget_labels", 9)  # noticed by itself
        wait_for(lambda: labels(config) == 9, home)

        change(home, "web.port", 9000)
        daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: "needs a restart" in said(config), home)

        good = path.read_text()
        path.write_text(good.replace("budget_labels = 9", "budget_labels = 0"))
        wait_for(lambda: status_json(config)["incidents"], home)
        (incident,) = status_json(config)["incidents"]
        line = good[: good.index("budget_labels = 9")].count("\n") + 1
        assert incident["source"] == "config.toml"
        assert f"line {line}: [loop] budget_labels = 0: expected" in incident["words"]

        path.write_text(good)
        daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: "can be used again" in said(config), home)
        assert status_json(config)["incidents"] == []
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(SECONDS) == 0
    log = (home / "daemon.log").read_text()
    for words in (
        "config.toml was read again: [loop] budget_labels 8 -> 9",
        "until then the old value is used: [web] port 8060 -> 9000",
        "config.toml cannot be used, the daemon goes on",
        "config.toml can be used again",
    ):
        assert log.count(words) == said(config).count(words) == (2 if "[web]" in words else 1)

"""A running daemon follows config.toml: a change, a signal, a faulty file, a key for a restart."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.config.loading import Config
from daemon.setup.config_changes import set_setting
from tests.fakes.child_process import running
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured

SECONDS = 120.0


@contextmanager
def daemon_in(home: Path) -> Iterator[subprocess.Popen[Any]]:
    """`maskloop run` with the quick learner; what it logs goes to home/daemon.log."""
    command = [sys.executable, "-m", "tests.fakes.daemon", str(home), "run"]
    with (home / "daemon.log").open("wb") as log, running(command, stderr=log) as daemon:
        yield daemon


def wait_for(words: str, home: Path, times: int = 1) -> None:
    """Until the daemon has logged the words so many times."""
    deadline = time.monotonic() + SECONDS
    while (log := (home / "daemon.log").read_text()).count(words) < times:
        assert time.monotonic() < deadline, log
        time.sleep(0.1)


def said(config: Config) -> str:
    return "\n".join(event["message"] for event in status_json(config)["events"])


def incidents(config: Config) -> list[dict[str, Any]]:
    """Those in the store, once there is one: a fault is logged a moment before it is stored."""
    deadline = time.monotonic() + SECONDS
    while not (found := status_json(config)["incidents"]):
        assert time.monotonic() < deadline, "no incident was stored"
        time.sleep(0.1)
    return list(found)


def change(home: Path, key: str, value: object) -> None:
    table, name = key.split(".")
    set_setting(home / "config.toml", (table, name), value, datetime.now(UTC))


def rewrite(path: Path, text: str) -> None:
    """As editors save: the daemon never finds half a file."""
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


def test_a_running_daemon_follows_its_file_and_survives_a_faulty_one(home: Path) -> None:
    wrong = {"seed_strategy": "hybrid"}  # it needs a model, so no batch can be chosen
    config = configured(home, loop={"poll_s": 0.2}, selection=wrong)
    path = home / "config.toml"
    with daemon_in(home) as daemon:
        wait_for("kind=PoolInvalid", home)
        change(home, "selection.seed_strategy", "kcenter")  # noticed by itself
        wait_for("cycle 0: no model yet; asked for 8 images", home)

        change(home, "web.port", 9000)
        daemon.send_signal(signal.SIGHUP)
        wait_for("old value is used: [web] port 8060 -> 9000", home)

        good = path.read_text()
        rewrite(path, good.replace("batch_images = 4", "batch_images = 0"))
        wait_for("config.toml cannot be used, the daemon goes on", home)
        (incident,) = incidents(config)
        line = good[: good.index("batch_images = 4")].count("\n") + 1
        assert incident["source"] == "config.toml"
        assert f"line {line}: [loop] batch_images = 0: expected" in incident["words"]

        rewrite(path, good)
        daemon.send_signal(signal.SIGHUP)
        wait_for("config.toml can be used again", home)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(SECONDS) == 0
    assert status_json(config)["incidents"] == []
    log = (home / "daemon.log").read_text()
    for words in (
        'config.toml was read again: [selection] seed_strategy "hybrid" -> "kcenter"',
        "config.toml was read again: needs a restart",
        "config.toml cannot be used, the daemon goes on",
        "config.toml can be used again",
    ):
        assert log.count(words) == said(config).count(words) == 1

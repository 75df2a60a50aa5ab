"""What `check` refuses is said when the daemon starts, and found by `doctor` too."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import strategies
from connectors.label_studio import create_or_adopt_project
from daemon.config.loading import Config
from daemon.config.rendering import render
from daemon.diagnostics.check import NEED_LABELING_TOOL, SKIPPED_BY_DOCTOR, checks
from daemon.diagnostics.doctor import diagnose
from daemon.domain.errors import MaskloopError
from daemon.loop.components import open_connector
from daemon.loop.start_checks import access_faults, require_access, start_faults
from daemon.store import sole_writer
from tests.fakes.command import assert_said, run_command, started
from tests.fakes.label_studio import FakeLabelStudio
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, faults_of, paint, ticker

PLUG_IN = '''"""Strategies that break their contract, each in a way of its own."""
from strategies import Pool

class Raises:
    def select(self, pool, n, rng):
        if pool.uncertainty is not None:
            raise KeyError("the column of the scores")
        return pool.ids[:n].tolist()

class Twice:
    def select(self, pool, n, rng):
        return [int(pool.ids[0])] * n

class Positions:
    def select(self, pool, n, rng):
        return list(range(n))

class Few:
    def select(self, pool, n, rng):
        return []

class Nothing:
    def select(self, pool, n, rng):
        return None
'''
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BROKEN = ("raises", "twice", "positions", "few", "nothing")


@pytest.fixture
def plugged(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with an installed distribution whose strategies are broken."""
    folder = home / "plug-in"
    installed = folder / "broken-1.0.dist-info"
    installed.mkdir(parents=True)
    (folder / "broken_strategies.py").write_text(PLUG_IN)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    points = "\n".join(f"{name} = broken_strategies:{name.title()}" for name in BROKEN)
    (installed / "entry_points.txt").write_text(f"[{strategies.GROUP}]\n{points}\n")
    monkeypatch.syspath_prepend(str(folder))
    assert {"raises"} <= {point.name for point in metadata.entry_points(group=strategies.GROUP)}
    return home


@pytest.mark.parametrize("name", BROKEN)
def test_a_strategy_that_breaks_its_contract_is_found_before_any_training(
    plugged: Path, name: str
) -> None:
    config = configured(plugged, selection={"strategy": name})

    (fault,) = faults_of(config, "strategies")

    assert f"strategy = {name!r}" in fault
    assert "4 ids of a trial pool of 40 images" in fault
    assert "strategies/README.md" in fault


def test_a_strategy_that_needs_a_model_is_refused_for_the_first_cycle(home: Path) -> None:
    config = configured(home, selection={"seed_strategy": "entropy"})

    (fault,) = faults_of(config, "strategies")

    assert "seed_strategy = 'entropy'" in fault
    assert "uncertainty" in fault


@pytest.mark.parametrize("name", strategies.SHIPPED)
@pytest.mark.parametrize("classes", [2, 30])
def test_every_shipped_strategy_passes_its_trial(home: Path, name: str, classes: int) -> None:
    names = tuple(f"class {number}" for number in range(classes))
    config = configured(home, selection={"strategy": name}, classes={"names": names})

    assert faults_of(config, "strategies") == []


def test_a_port_that_is_taken_is_found_unless_our_own_daemon_has_it(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = configured(home, web={"enabled": True, "port": port})
        assert f"port = {port}: cannot listen there" in faults_of(config, "port")[0]
        assert faults_of(configured(home, web={"enabled": False, "port": port}), "port") == []
        with sole_writer(config.state):
            assert faults_of(config, "port") == []
    assert faults_of(configured(home, web={"enabled": True, "port": port}), "port") == []
    bad = configured(home, web={"enabled": True, "host": "no.such.host.invalid"})
    assert "cannot listen there" in faults_of(bad, "port")[0]


def test_what_check_refuses_is_said_once_in_log_and_page_when_the_daemon_starts(
    plugged: Path,
) -> None:
    config = configured(plugged, selection={"strategy": "raises"})
    path = f"{Path(__file__).parents[2]}:{plugged / 'plug-in'}"
    daemon = started("run", folder=plugged, environment={"PYTHONPATH": path})
    try:
        said = line_with(daemon, "start check")
    finally:
        daemon.terminate()
        rest = daemon.communicate(timeout=120)[1]

    assert "WARNING" in said
    assert "[selection] strategy = 'raises'" in said
    assert "start check" not in rest
    events = [event for event in status_json(config)["events"] if "start check" in str(event)]
    assert len(events) == 1
    assert "'raises'" in str(events[0])


def line_with(daemon: Any, words: str) -> str:
    assert daemon.stderr is not None
    for line in daemon.stderr:
        if words in line:
            return str(line)
    raise AssertionError(f"the daemon ended and never said {words!r}")


def test_a_strategy_that_does_not_exist_ends_the_start(home: Path) -> None:
    configured(home, selection={"strategy": "crystal_ball"})

    assert_said(run_command("run", folder=home), "crystal_ball")


def on_label_studio(home: Path, fake: FakeLabelStudio) -> Config:
    """A project whose label config knows thistle, which config.toml does not."""
    (home / "token").write_text(fake.token)
    (home / "token").chmod(0o600)
    tables = {
        "label_studio": {"project": 1, "token_file": "token", "url": fake.url},
        "images": {"source": "project"},
        "storage": {"min_free_gb": 0.0},
        "web": {"enabled": False},
        "home": home,
    }
    config = Config.model_validate(tables)
    (home / "config.toml").write_text(render(config))
    create_or_adopt_project(
        url=fake.url,
        token=lambda: fake.token,
        project="start",
        classes=config.class_set,
        source=None,
    )
    fake.uploads["/data/upload/1/a.png"] = (home / "images" / "field00.png").read_bytes()
    fake.labeling.import_tasks(1, [{"data": {"image": "/data/upload/1/a.png"}}])
    row = fake.labeling.projects[1]
    row["label_config"] = row["label_config"].replace(
        '<Label value="crop"', '<Label value="thistle"/><Label value="crop"'
    )
    return config


def test_a_label_that_the_config_does_not_know_is_said_when_the_daemon_starts(home: Path) -> None:
    with FakeLabelStudio() as fake:
        config = on_label_studio(home, fake)
        run_command("once", folder=home)

    words = [str(event) for event in status_json(config)["events"] if "start check" in str(event)]
    assert len(words) == 1
    assert "thistle" in words[0]


def test_a_tool_that_does_not_answer_is_one_fault_and_no_end(home: Path) -> None:
    with FakeLabelStudio() as gone:
        config = on_label_studio(home, gone)

    with closing(open_connector(config)) as connector:
        (fault,) = start_faults(config, connector)

    assert fault.startswith("labeling tool: ")
    assert "start Label Studio" in fault


def test_doctor_finds_what_check_finds_and_says_what_it_did_not_try(home: Path) -> None:
    with FakeLabelStudio() as fake:
        config = on_label_studio(home, fake)
        report = diagnose(home / "config.toml", NOW, {})
        tried = {
            name: attempt() for name, attempt in checks(config) if name not in SKIPPED_BY_DOCTOR
        }

    for name, found in tried.items():
        assert report["checks"][name] == (list(found) or "ok")
        for fault in found:
            assert f"{name}: {fault}" in report["findings"]
    assert any("thistle" in words for words in report["findings"])
    assert len(set(report["findings"])) == len(report["findings"])
    for name in SKIPPED_BY_DOCTOR:
        assert report["checks"][name].startswith("not tried: ")
    json.dumps(report)


def test_doctor_does_not_try_what_a_silent_tool_cannot_answer(home: Path) -> None:
    with FakeLabelStudio() as gone:
        on_label_studio(home, gone)

    report = diagnose(home / "config.toml", NOW, {})

    for name in NEED_LABELING_TOOL:
        assert "does not let us in" in report["checks"][name]
    assert not (home / "state").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_of_another_user_in_the_state_folder_are_found() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)  # others may look into it, unlike into pytest's folders
        paint(home)
        config = configured(home)
        ticker(config).tick()
        for path in (config.state, *config.state.rglob("*")):
            os.chown(path, 12345, 12345)
            path.chmod(0o755)

        assert access_faults(config) == []
        require_access(config)
        told = told_to(23456, lambda: require_access(config))
        for place in ("state:", "store.db:", "runs:"):
            assert f"{place} this user may not write there" in told


def told_to(user: int, work: Callable[[], None]) -> str:
    """What another user is told."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setuid(user)
            work()
        except MaskloopError as exc:
            os.write(theirs, str(exc).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    os.waitpid(pid, 0)
    with os.fdopen(ours) as file:
        return file.read()


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_config_may_be_named_before_and_after_every_command(home: Path, place: str) -> None:
    configured(home)
    (home / "config.toml").rename(home / "mine.toml")
    for command in ("status", "classes", "doctor", "once", "init"):
        option = ["--config", "mine.toml"]
        words = [*option, command] if place == "before" else [command, *option]
        done = run_command(*words, folder=home)
        assert done.code in (0, 1), done
        assert "config.toml: no such file" not in done.out + done.err


def test_check_speaks_in_sections_and_counts_its_faults(home: Path) -> None:
    configured(home, storage={"min_free_gb": 1e9}, selection={"strategy": "crystal_ball"})

    lines = run_command("check", folder=home).out.splitlines()

    titles = [line for line in lines if not line.startswith(" ")]
    assert titles[:5] == ["Settings", "This machine", "Learner", "Labeling tool", "Images"]
    assert lines[-1] == f"{sum(line.startswith('  FAULT') for line in lines)} faults"
    assert sum(line.startswith("  FAULT  disk: ") for line in lines) == 1

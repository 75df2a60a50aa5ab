"""`maskloop run` reads images beside its ticks: the loop does the same as with ticks that read,
and no image, good, bad or slow, keeps people's answers waiting."""

from __future__ import annotations

import logging
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.config.loading import Config
from daemon.domain import Exclusion
from daemon.domain.errors import DiskFull, IntakeBroken
from daemon.loop.service import Ticker
from daemon.loop.tick import Outcome
from daemon.stages import image_readers
from daemon.stages.image_readers import BackgroundReader
from daemon.store import FILE, Store, sole_writer
from tests.fakes.gated import gated
from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, paint, run_out, ticker

IMAGES = 40


class Daemon:
    """It ticks when told. tool: what its reader reads with."""

    def __init__(self, config: Config) -> None:
        self.config, self.tool = config, gated(config)
        self.shift = timedelta()
        self.reader = BackgroundReader(self.tool, config)
        self.launcher = ForkLauncher()
        self.ticker = Ticker(config, gated(config), self.launcher, self.now, 1, reader=self.reader)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def until(self, said: Callable[[], bool]) -> Outcome:
        deadline = time.monotonic() + 120
        while True:
            outcome = self.ticker.tick()
            if said():
                return outcome
            assert time.monotonic() < deadline, outcome
            time.sleep(0.02)

    def go_on_until(self, said: Callable[[], bool]) -> None:
        """Whatever goes wrong is said, as `maskloop run` says it."""
        deadline = time.monotonic() + 120
        while not said():
            assert time.monotonic() < deadline, status_json(self.config)["waiting"]
            self.ticker.tick_and_report()
            time.sleep(0.01)

    def is_asking(self) -> bool:
        return status_json(self.config)["batch"] is not None

    def stop(self) -> None:
        self.reader.stop()
        self.launcher.stop()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    paint(tmp_path, images=IMAGES)
    return configured(tmp_path)


@pytest.fixture
def daemon(config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setattr(image_readers, "STOP_TIMEOUT_S", 0.1)
    made = Daemon(config)
    yield made
    made.stop()


def known(config: Config) -> list[tuple[int, str, str]]:
    with Store(config.state / FILE, read_only=True) as store:
        return [(one.id, one.key, one.sha256) for one in store.images()]


def add_image(config: Config, name: str, like: str) -> None:
    pixels = np.array(Image.open(config.home / "images" / like))
    pixels[0] ^= 1
    Image.fromarray(pixels).save(config.home / "images" / name)
    shutil.copy(config.home / "masks" / like, config.home / "masks" / name)


def test_the_loop_does_the_same_as_with_ticks_that_read(
    daemon: Daemon, config: Config, tmp_path: Path
) -> None:
    paint(tmp_path / "other", images=IMAGES)
    other = configured(tmp_path / "other")
    run_out(ticker(other, cycle_limit=1))

    run_out(daemon.ticker)

    assert known(config) == known(other)
    for name in ("batch", "labels", "images"):
        ours, theirs = status_json(config)[name], status_json(other)[name]
        if name == "batch":
            ours, theirs = (
                [(one["image_id"], one["rank"], one["arm"]) for one in batch["images"]]
                for batch in (ours, theirs)
            )
        assert ours == theirs
    assert set(daemon.tool.reads.values()) == {1}


def test_the_first_cycle_waits_for_an_image_that_hangs_and_no_tick_does(
    daemon: Daemon, config: Config
) -> None:
    daemon.tool.hold_back("field30.png")
    daemon.until(lambda: daemon.tool.reads["field30.png"] == 1)
    # a tick collects for a part of a second only; one that waited for the image would not end
    words = f"30 of {IMAGES} images are read; the rest follows"
    daemon.until(lambda: status_json(config)["waiting"] == words)
    with sole_writer(config.state):  # as the daemon holds it: nobody else would read images
        progress = status_json(config)["progress"]
    assert (progress["phase"], progress["step"], progress["steps"]) == (
        "reading new images",
        30,
        IMAGES,
    )
    daemon.tool.let_through("field30.png")
    daemon.until(daemon.is_asking)
    assert status_json(config)["progress"] is None
    assert len(known(config)) == IMAGES
    assert set(daemon.tool.reads.values()) == {1}


def test_answers_are_taken_in_while_a_later_image_hangs(daemon: Daemon, config: Config) -> None:
    daemon.until(daemon.is_asking)
    daemon.tool.hold_back("zebra.png")
    add_image(config, "zebra.png", "field01.png")
    daemon.shift += timedelta(seconds=61)

    daemon.until(lambda: status_json(config)["labels"]["spent"] >= 8)

    assert len(known(config)) == IMAGES
    daemon.tool.let_through("zebra.png")
    daemon.until(lambda: len(known(config)) == IMAGES + 1)
    assert daemon.tool.reads["zebra.png"] == 1


def test_one_bad_image_is_one_fault_and_is_read_again_when_its_file_changes(
    daemon: Daemon, config: Config
) -> None:
    good = (config.home / "images/field05.png").read_bytes()
    (config.home / "images/field05.png").write_bytes(good[:50])
    daemon.until(daemon.is_asking)
    (fault,) = status_json(config)["quarantine"]
    assert fault["place"] == "image field05.png"
    assert len(known(config)) == IMAGES - 1
    reads = daemon.tool.reads["field05.png"]
    daemon.shift += timedelta(seconds=61)
    daemon.ticker.tick()
    assert daemon.tool.reads["field05.png"] == reads

    (config.home / "images/field05.png").write_bytes(good)
    daemon.shift += timedelta(seconds=61)
    daemon.until(lambda: len(known(config)) == IMAGES)

    daemon.until(lambda: status_json(config)["quarantine"] == [])


def test_a_fault_of_our_own_is_said_once_and_costs_no_image(
    daemon: Daemon, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for number in range(9, IMAGES, 2):
        daemon.tool.raising[f"field{number:02d}.png"] = KeyError("MPF")
    daemon.go_on_until(lambda: daemon.tool.reads["field39.png"] == 4)

    said = [one.message for one in caplog.records if "IntakeBroken" in one.message]
    assert len(said) == 1
    assert f"KeyError on 16 of {IMAGES} inputs" in said[0]
    assert not [one for one in caplog.records if "continuing" in one.message]
    assert status_json(config)["quarantine"] == []
    with pytest.raises(IntakeBroken):
        daemon.ticker.tick()

    daemon.tool.raising.clear()
    daemon.go_on_until(lambda: len(known(config)) == IMAGES)
    daemon.ticker.tick_and_report()
    assert [one for one in caplog.records if "continuing after" in one.message]
    assert status_json(config)["quarantine"] == []


def test_an_outage_of_the_reader_is_said_once_and_loses_nothing(
    daemon: Daemon, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "daemon.loop.service")
    daemon.tool.raising["field20.png"] = DiskFull("the cache: no space; free some")
    daemon.go_on_until(lambda: daemon.tool.reads["field20.png"] == 4)

    assert [one.levelname for one in caplog.records] == ["WARNING"]
    assert len(known(config)) == 20
    daemon.tool.raising.clear()
    daemon.go_on_until(lambda: len(known(config)) == IMAGES)
    assert "continuing after" in caplog.records[-1].message
    assert {n for key, n in daemon.tool.reads.items() if key != "field20.png"} == {1}


def test_an_image_that_was_an_outage_by_itself_is_forgotten_when_it_is_gone(
    daemon: Daemon, config: Config
) -> None:
    daemon.tool.raising["field20.png"] = DiskFull("the cache: no space; free some")
    daemon.go_on_until(lambda: daemon.tool.reads["field20.png"] == 2)

    (config.home / "images/field20.png").unlink()
    daemon.shift += timedelta(seconds=61)
    daemon.go_on_until(lambda: len(known(config)) == IMAGES - 1)

    daemon.ticker.tick()


@pytest.mark.parametrize("broken", [False, True])
def test_a_replaced_picture_is_noticed_while_others_wait(
    daemon: Daemon, config: Config, broken: bool
) -> None:
    daemon.until(daemon.is_asking)
    for number in range(IMAGES):
        add_image(config, f"zebra{number:02d}.png", f"field{number:02d}.png")
    daemon.tool.hold_back("zebra30.png")
    path = config.home / "images/field03.png"
    before = {key: sha for _, key, sha in known(config)}["field03.png"]
    if broken:
        path.write_bytes(path.read_bytes()[:60])
    else:
        Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(path)
    daemon.shift += timedelta(seconds=61)

    def noticed() -> bool:
        now = {key: sha for _, key, sha in known(config)}["field03.png"]
        with Store(config.state / FILE, read_only=True) as store:
            left_out = store.excluded()
        return now != before or Exclusion.UNREADABLE in left_out.values()

    daemon.until(lambda: daemon.tool.reads["zebra30.png"] == 1)
    daemon.shift += timedelta(seconds=61)  # the next listing keeps the faults of the last look
    daemon.until(noticed)
    daemon.tool.let_through("zebra30.png")


def test_a_daemon_that_dies_while_it_reads_goes_on_where_it_was(config: Config) -> None:
    first = Daemon(config)
    first.tool.hold_back("field25.png")
    first.until(lambda: first.tool.reads["field25.png"] == 1)
    first.ticker.tick()
    assert len(known(config)) == 25  # and nobody stops it: its thread hangs as long as it likes

    second = Daemon(config)
    second.until(second.is_asking)

    assert [key for _, key, _ in known(config)] == [f"field{n:02d}.png" for n in range(IMAGES)]
    assert second.tool.reads.total() == IMAGES - 25
    first.tool.let_through("field25.png")
    first.stop()
    second.stop()


def test_kill_9_while_images_are_read_loses_none(config: Config) -> None:
    command = [sys.executable, "-m", "daemon.cli", "--config", str(config.home / "config.toml")]
    for wait_s in (0.1, 0.0):
        daemon = subprocess.Popen([*command, "run"], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while not (config.state / FILE).exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(wait_s)
        daemon.kill()
        daemon.wait()
    daemon = subprocess.Popen([*command, "run"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (config.state / "runs").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    daemon.send_signal(signal.SIGTERM)

    assert daemon.wait(120) == 0
    assert [key for _, key, _ in known(config)] == [f"field{n:02d}.png" for n in range(IMAGES)]

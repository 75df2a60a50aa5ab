"""Images that somebody replaces, renames, damages or copies; masks that go and return."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture

from daemon.domain import Image, Role, TaskState
from daemon.loop.components import open_connector
from daemon.loop.service import Ticker
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, paint


class Daemon:
    """On a folder; it ticks when told, and a minute goes by when told."""

    def __init__(self, home: Path) -> None:
        paint(home)
        self.home, self.config = home, configured(home)
        self.shift = timedelta()
        self.launcher = ForkLauncher()
        self.ticker = Ticker(
            self.config, open_connector(self.config), self.launcher, self._now, None
        )

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def minute(self) -> None:
        self.shift += timedelta(seconds=61)
        self.ticker.tick()

    def finish(self) -> None:
        deadline = time.monotonic() + 180
        while not (outcome := self.ticker.tick()).final:
            assert time.monotonic() < deadline, outcome
            time.sleep(0.01)

    def image(self, name: str) -> Image:
        with self.store() as store:
            return next(image for image in store.images() if image.name == name)

    def labeled(self) -> list[str]:
        """Names of labeled images of the pool."""
        with self.store() as store:
            ids = store.labeled_ids()
            return sorted(
                one.name for one in store.images() if one.id in ids and one.role is Role.POOL
            )

    def store(self) -> Store:
        return Store(self.config.state / FILE, read_only=True)

    def status(self) -> dict[str, Any]:
        return status_json(self.config)

    def faults(self) -> list[str]:
        return [row["place"] for row in self.status()["quarantine"]]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path)
    yield made
    made.launcher.stop()


def repaint(path: Path, size: tuple[int, int] = (24, 32)) -> None:
    """Another picture at the same address. size: (height_px, width_px)."""
    pixels = np.random.default_rng(99).integers(0, 255, (*size, 3), dtype=np.uint8)
    Picture.fromarray(pixels).save(path)


@pytest.mark.parametrize("size", [(24, 32), (12, 50)])
def test_a_replaced_file_keeps_its_row_and_its_label_counts_again_when_its_mask_is_saved(
    daemon: Daemon, size: tuple[int, int]
) -> None:
    daemon.finish()
    name = daemon.labeled()[0]
    before = daemon.image(name)

    repaint(daemon.home / "images" / name, size)
    daemon.minute()

    after = daemon.image(name)
    assert (after.id, (after.height_px, after.width_px)) == (before.id, size)
    assert after.sha256 != before.sha256
    with daemon.store() as store:
        assert store.unconfirmed_ids() == {after.id}
        assert after.id not in store.informative_ids()
    assert daemon.faults() == [f"label of image {name}"]
    assert "save the mask's file again" in daemon.status()["quarantine"][0]["cure"]
    assert daemon.status()["evaluations"][-1]["labels_unconfirmed"] == 1

    daemon.shift = timedelta()  # the mask is saved by the clock of this machine
    time.sleep(0.05)  # the time of a file is as coarse as the ticks of its kernel
    Picture.fromarray(np.zeros(size, np.uint8)).save(daemon.home / "masks" / name)
    daemon.ticker.tick()

    with daemon.store() as store:
        assert store.unconfirmed_ids() == set()
        assert after.id in store.informative_ids()
    assert daemon.faults() == []


def test_the_model_of_a_later_cycle_is_not_taught_by_a_label_of_another_picture(
    daemon: Daemon,
) -> None:
    while daemon.status()["labels"]["spent"] < 12:
        daemon.ticker.tick()
        time.sleep(0.01)
    name = daemon.labeled()[0]
    repaint(daemon.home / "images" / name)
    daemon.minute()
    daemon.finish()

    last = daemon.status()["evaluations"][-1]
    assert last["train_labels"] == 11  # of 12 in the pool


def test_a_file_that_is_damaged_for_a_while_comes_back_by_itself(daemon: Daemon) -> None:
    daemon.finish()
    name = daemon.labeled()[0]
    path, role = daemon.home / "images" / name, daemon.image(name).role
    good = path.read_bytes()

    path.write_bytes(good[:80])
    daemon.minute()
    assert daemon.image(name).role is Role.EXCLUDED
    assert daemon.faults() == [f"image {name}"]

    path.write_bytes(good)
    daemon.minute()
    assert daemon.image(name).role is role
    assert daemon.faults() == []
    with daemon.store() as store:
        assert store.unconfirmed_ids() == set()


def test_an_image_that_a_run_had_to_do_without_comes_back_when_its_file_is_whole(
    daemon: Daemon,
) -> None:
    while not daemon.ticker.tick().waiting.startswith("cycle 1"):
        time.sleep(0.01)
    with daemon.store() as store:
        labeled = store.labeled_ids()
        gone = next(one for one in store.images() if one.id not in labeled)
    good = gone.path.read_bytes()
    gone.path.unlink()
    daemon.finish()
    assert daemon.image(gone.name).role is Role.EXCLUDED
    (row,) = daemon.status()["quarantine"]
    assert row["place"] == f"image {gone.key}"
    assert "the daemon looks every minute" in row["cure"]

    gone.path.write_bytes(good)
    daemon.minute()

    assert daemon.image(gone.name).role is Role.POOL
    assert daemon.faults() == []


def test_a_renamed_file_is_the_same_image_with_its_label(daemon: Daemon) -> None:
    daemon.finish()
    name = daemon.labeled()[0]
    before = daemon.image(name)
    for folder in ("images", "masks"):
        (daemon.home / folder / name).rename(daemon.home / folder / "renamed.png")

    daemon.minute()

    after = daemon.image("renamed.png")
    assert (after.id, after.key) == (before.id, "renamed.png")
    assert after.path.exists()
    assert "renamed.png" in daemon.labeled()
    assert len(daemon.labeled()) == 12
    assert daemon.faults() == []


def test_a_question_about_a_renamed_file_is_asked_at_its_new_address(daemon: Daemon) -> None:
    masks, hidden = daemon.home / "masks", daemon.home / "hidden"
    masks.rename(hidden)
    masks.mkdir()
    while not (waiting := daemon.ticker.tick().waiting).endswith("wait for annotators"):
        assert "labeled image" not in waiting
        time.sleep(0.01)
    with daemon.store() as store:
        task = store.tasks(TaskState.OPEN)[0]
        image = next(one for one in store.images() if one.id == task.image_id)
    (daemon.home / "images" / image.name).rename(daemon.home / "images" / "renamed.png")
    (hidden / image.name).rename(masks / "renamed.png")

    daemon.minute()
    daemon.ticker.tick()

    with daemon.store() as store:
        assert image.id in store.labeled_ids()
        assert not [row for row in store.tasks(TaskState.OPEN) if row.image_id == image.id]


def test_a_removed_mask_gives_its_budget_back_marks_the_curve_and_is_waited_for(
    daemon: Daemon,
) -> None:
    daemon.finish()
    name = daemon.labeled()[0]
    mask = daemon.home / "masks" / name
    mask.rename(daemon.home / "kept.png")

    daemon.ticker.tick()

    status = daemon.status()
    assert status["labels"] == {"total": 16, "spent": 15, "left": 1}
    assert [point["labels_deleted"] for point in status["evaluations"]][-1] == 1
    with daemon.store() as store:
        assert [row.image_id for row in store.tasks(TaskState.OPEN)] == [daemon.image(name).id]

    (daemon.home / "kept.png").rename(mask)
    daemon.ticker.tick()

    assert daemon.status()["labels"]["spent"] == 16
    assert daemon.faults() == []


def test_copies_are_asked_once_and_a_copy_of_validation_never_trains(daemon: Daemon) -> None:
    for path in sorted((daemon.home / "images").iterdir()):
        twin = path.with_name(f"twin_{path.name}")
        twin.write_bytes(path.read_bytes())
        (daemon.home / "masks" / twin.name).write_bytes(
            (daemon.home / "masks" / path.name).read_bytes()
        )

    daemon.finish()

    with daemon.store() as store:
        images, labeled = store.images(), store.labeled_ids()
    used = [image.sha256 for image in images if image.role is not Role.EXCLUDED]
    assert len(images) == 60
    assert len(used) == len(set(used)) == 30
    assert len({image.sha256 for image in images if image.id in labeled}) == 16


def test_a_copy_whose_original_is_replaced_stands_for_itself(daemon: Daemon) -> None:
    original = daemon.home / "images" / "field00.png"
    (daemon.home / "images" / "twin.png").write_bytes(original.read_bytes())
    daemon.finish()
    assert daemon.image("twin.png").role is Role.EXCLUDED

    repaint(original)
    daemon.minute()

    assert daemon.image("twin.png").role is Role.POOL


def test_a_file_name_that_is_no_utf_8_is_left_out_and_said(daemon: Daemon) -> None:
    folder = os.fsencode(daemon.home / "images")
    with open(folder + b"/field\xff.png", "wb") as file:
        file.write((daemon.home / "images" / "field00.png").read_bytes())

    daemon.finish()

    assert "bytes that are no UTF-8" in str(daemon.status()["left_out"])
    assert daemon.faults() == []
    assert daemon.status()["labels"]["spent"] == 16

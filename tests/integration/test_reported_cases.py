"""Inputs that were reported to break the loop or to fool the curve, as whole loops on a folder.

Each is one example of its kind; the kinds have tests of their own beside the code they are about.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.config.loading import Config
from daemon.diagnostics.figure_checks import overlap_faults, validation_faults
from daemon.domain import Exclusion, Role
from daemon.domain.errors import ConnectorUnavailable, RunFailed
from daemon.loop.components import open_connector
from daemon.loop.service import Ticker
from daemon.loop.tick import Outcome
from daemon.runs.run_folder import FileFault, FilePart, FileRole, RunFolder
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.integration.figures import BUDGET, look_again, roles, trained_on, why_excluded
from tests.integration.workbench import configured, paint, run_out, ticker

IMAGES = 20

SIZE = (24, 32)


def noise(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    values = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    return Image.fromarray(values)


def odd_pictures(images: Path) -> list[str]:
    """Pictures as cameras and tools write them, all of 24 x 32 pixels as people see them."""
    turned = Image.Exif()
    turned[0x0112] = 6
    noise(1).save(images / "camera.jpg", "MPO", save_all=True, append_images=[noise(2, (8, 8))])
    noise(3, SIZE[::-1]).convert("CMYK").save(images / "cmyk.jpg", exif=turned.tobytes())
    gray = np.linspace(0, 4095, SIZE[0] * SIZE[1]).reshape(SIZE).astype(np.uint16)
    Image.fromarray(gray).save(images / "gray12.png")
    noise(4).save(images / "photo.tif")
    noise(5).save(images / "scan.jfif", "JPEG")
    garbage = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x07\0\0\0\x04abcd\0\0\0\0"
    noise(6).save(images / "exif.jpg", exif=garbage)
    noise(7).save(images / f"{'long' * 60}.webp")
    return sorted(path.name for path in images.iterdir() if not path.name.startswith("field"))


def settled(daemon: Ticker) -> Outcome:
    """The outcome once no process works."""
    outcome = daemon.tick()
    while outcome.running:
        time.sleep(0.02)
        outcome = daemon.tick()
    return outcome


def labels(config: Config) -> int:
    with Store(config.state / FILE, read_only=True) as store:
        return len(store.labeled_ids())


def test_odd_pictures_are_labeled_and_what_cannot_be_used_is_named(home: Path) -> None:
    odd = odd_pictures(home / "images")
    for name in odd:
        Image.fromarray(np.ones(SIZE, np.uint8)).save(home / "masks" / f"{Path(name).stem}.png")
    (home / "images/sign_in.jpg").write_bytes(b"<html>sign in</html>")
    (home / "images/cut.png").write_bytes((home / "images/field00.png").read_bytes()[:100])
    (home / os.fsdecode(b"images/caf\xe9.png")).write_bytes(b"")
    os.mkfifo(home / "images/pipe.png")
    config = configured(home, loop={**BUDGET, "budget_labels": 40})

    outcome = run_out(ticker(config))

    assert outcome.final
    assert labels(config) == 20 + len(odd) == 27
    assert set(odd) <= set(roles(config))
    status = status_json(config)
    (fault,) = status["quarantine"]
    assert fault["place"] == "image cut.png"
    assert fault["got"].startswith("a damaged or truncated PNG")
    named = {one["path"]: one["reason"] for one in status["left_out"]["named"]}
    assert named.keys() == {"sign_in.jpg", "caf\\xe9.png", "pipe.png"}


def test_a_test_set_that_lists_images_of_the_pool_s_own_folder_is_kept_out(home: Path) -> None:
    names = ["field02", "field05", "field13"]
    (home / "splits.json").write_bytes(
        b"\xef\xbb\xbf" + f'{{"test": {names}}}'.replace("'", '"').encode()
    )
    (home / "held").symlink_to("images")
    test = {"images": "held", "masks": "masks", "ids": "splits.json:test"}
    config = configured(home, test=test, loop=BUDGET)

    assert "3 images of the pool are test images" in " ".join(overlap_faults(config))
    run_out(ticker(config))

    taken = {f"{name}.png" for name in names}
    assert why_excluded(config) == dict.fromkeys(taken, Exclusion.TEST_CONTENT)
    assert not trained_on(config) & taken


def test_a_pipe_or_a_device_in_the_place_of_a_mask_is_a_fault_and_nobody_waits_for_it(
    home: Path,
) -> None:
    masks = home / "masks"
    for number in range(3):
        (masks / f"field0{number}.png").unlink()
    os.mkfifo(masks / "field00.png")
    (masks / "field01.png").symlink_to("/dev/zero")
    (masks / "field02.png").mkdir()
    config = configured(home, loop={**BUDGET, "budget_labels": 20, "ask_again": 0})

    assert open_connector(config).check() == []
    outcome = run_out(ticker(config))

    assert outcome.final
    assert labels(config) == 17
    found = {row["image"]: row["got"] for row in status_json(config)["quarantine"]}
    assert found.keys() == {"field00.png", "field01.png", "field02.png"}
    assert "a folder, a pipe or a device" in found["field00.png"]


@pytest.mark.parametrize("way", ["empty", "absent"])
def test_masks_on_a_disk_that_is_away_are_no_deleted_labels(home: Path, way: str) -> None:
    config = configured(home, loop=BUDGET)
    run_out(ticker(config))
    before, away = labels(config), home / "away"

    (home / "masks").rename(away)
    if way == "empty":
        (home / "masks").mkdir()
    with pytest.raises(ConnectorUnavailable, match="is the disk mounted"):
        ticker(config).tick()
    assert labels(config) == before
    if way == "empty":
        (home / "masks").rmdir()
    away.rename(home / "masks")

    assert run_out(ticker(config)).final
    assert labels(config) == before


def test_images_on_a_disk_that_is_away_are_not_set_aside(home: Path) -> None:
    config = configured(home, loop={**BUDGET, "budget_labels": 8})
    run_out(ticker(config))

    (home / "images").rename(home / "away")
    look_again(config)
    with pytest.raises(ConnectorUnavailable, match="expected the images that were there before"):
        ticker(configured(home, loop={**BUDGET, "budget_labels": 16})).tick()

    assert status_json(config)["quarantine"] == []
    (home / "away").rename(home / "images")
    assert run_out(ticker(configured(home, loop={**BUDGET, "budget_labels": 16}))).final
    assert labels(config) == 16


def test_one_image_waits_for_others_and_then_validation_is_drawn(home: Path) -> None:
    (home / "images").rename(home / "all")
    (home / "images").mkdir()
    shutil.copy(home / "all/field00.png", home / "images")
    shutil.copy(home / "all/field00.png", home / "images/copy.png")
    config = configured(home, loop=BUDGET)

    outcome = settled(ticker(config))

    assert outcome.fault
    assert "1 usable image, of which none can be kept for validation" in outcome.waiting
    assert "2 with different content" in outcome.waiting
    for path in (home / "all").iterdir():
        shutil.copy(path, home / "images")
    look_again(config)
    assert run_out(ticker(config)).final
    assert sum(role is Role.VALIDATION for role in roles(config).values()) == 4


def test_a_pool_of_one_image_may_go_without_a_curve(home: Path) -> None:
    (home / "images").rename(home / "all")
    (home / "images").mkdir()
    shutil.copy(home / "all/field00.png", home / "images")

    config = configured(home, loop=BUDGET, validation={"min_images": 0, "max_images": 4})

    assert run_out(ticker(config)).final
    assert labels(config) == 1


def test_a_budget_that_validation_takes_whole_is_said_and_may_be_raised(home: Path) -> None:
    settings = {**BUDGET, "queue_low": 4}
    config = configured(home, loop={**settings, "budget_labels": 3})
    (said,) = validation_faults(config, ForkLauncher())
    daemon = ticker(config)
    for _ in range(1000):
        if not daemon.tick().running and labels(config) == 4:
            break
        time.sleep(0.02)

    config = configured(home, loop={**settings, "budget_labels": 12})

    assert "budget_labels = 3: expected more than the 4 images of validation" in said
    assert validation_faults(config, ForkLauncher()) == []
    assert run_out(ticker(config)).final
    assert labels(config) == 12
    assert status_json(config)["evaluations"][-1]["miou"] > 0.5


def test_a_pattern_of_groups_that_matches_no_name_is_said(home: Path) -> None:
    validation = {"min_images": 4, "max_images": 4, "group_by": "^v([0-9])"}
    config = configured(home, validation=validation)

    (said,) = validation_faults(config, ForkLauncher())

    assert "matches none of 20 names, such as 'field00.png'" in said


def test_an_image_that_was_asked_again_and_again_is_one_fault(home: Path) -> None:
    Image.fromarray(np.ones((5, 5), np.uint8)).save(home / "masks/field00.png")
    config = configured(home, loop={**BUDGET, "budget_labels": 20})

    run_out(ticker(config))

    with Store(config.state / FILE, read_only=True) as store:
        assert len(store.quarantined()) == 3
    (fault,) = status_json(config)["quarantine"]
    assert (fault["image"], fault["state"]) == ("field00.png", "given up")


class BadSecondEmbedding(ForkLauncher):
    """The second embedding of cycle 0 fails once, over one image."""

    def __init__(self, image: int) -> None:
        super().__init__()
        self.image, self.failed = image, False

    def advance(self, run: RunFolder, command: str) -> bool:
        if run.path.name == "0000-2-embed" and not self.failed:
            self.failed = True
            fault = FileFault(
                role=FileRole.POOL,
                id=self.image,
                part=FilePart.IMAGE,
                path=Path("x.png"),
                got="nothing",
                expected="a picture",
            )
            raise RunFailed("none of the pool images can be used", [fault])
        return super().advance(run, command)


def test_a_second_embedding_that_fails_over_an_image_removes_its_own_folder_alone(
    tmp_path: Path,
) -> None:
    paint(tmp_path, images=4)
    for path in sorted((tmp_path / "images").iterdir())[1:]:
        shutil.copy(tmp_path / "images/field00.png", path)
    config = configured(tmp_path, loop=BUDGET)
    assert settled(ticker(config)).fault  # all four are one image

    for number in range(4, 12):
        noise(number).save(tmp_path / "images" / f"later{number}.png")
        Image.fromarray(np.ones(SIZE, np.uint8)).save(tmp_path / "masks" / f"later{number}.png")
    look_again(config)
    outcome = run_out(ticker(config, launcher=BadSecondEmbedding(image=5)))

    assert outcome.final
    assert RunFolder(config.state / "runs/0000-embed").finished()
    assert why_excluded(config)["later10.png"] is Exclusion.UNREADABLE
    assert labels(config) == 8

"""Validation keeps its groups and near-duplicates out, and says where that leaves nothing."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.config.loading import Config
from daemon.diagnostics.figure_checks import validation_faults
from daemon.domain import Exclusion, Role
from daemon.loop.components import open_connector
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.integration.figures import (
    BUDGET,
    look_again,
    roles,
    trained_on,
)
from tests.integration.workbench import (
    COLOURS,
    configured,
    paint,
    paint_images,
    run_out,
    ticker,
)


def grouped(home: Path, frames: range, videos: int = 4) -> None:
    """Frames of videos, v0_00.png ...; each frame a picture of its own."""
    for folder in ("images", "masks"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    source = home / f"from{frames.start}"
    truth = paint_images(source, videos * len(frames))
    rng = np.random.default_rng(frames.start)
    for number, (name, mask) in enumerate(sorted(truth.items())):
        target = f"v{number % videos}_{frames[number // videos]:02d}.png"
        noisy = (
            np.asarray(Image.open(source / name)).astype(int)
            + rng.integers(0, 20, mask.shape)[..., None]
        )
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(home / "images" / target)
        Image.fromarray(mask).save(home / "masks" / target)


def test_frames_of_a_validation_video_that_come_later_are_left_out(tmp_path: Path) -> None:
    grouped(tmp_path, range(6))
    validation = {"min_images": 4, "max_images": 4, "group_by": r"^(v\d)_"}
    config = configured(tmp_path, validation=validation, loop=BUDGET)
    run_out(ticker(config))
    before = roles(config)
    videos = {name[:2] for name, role in before.items() if role is Role.VALIDATION}

    grouped(tmp_path, range(6, 9))
    look_again(config)
    more = {**BUDGET, "budget_labels": 20}
    config = configured(tmp_path, validation=validation, loop=more)
    run_out(ticker(config))

    after = roles(config)
    late = {name for name in after if name not in before}
    assert len(late) == 12
    assert {name for name in late if after[name] is Role.EXCLUDED} == {
        name for name in late if name[:2] in videos
    }
    assert not {name[:2] for name in trained_on(config)} & videos
    assert any("share a group" in event["message"] for event in status_json(config)["events"])


def static_camera(home: Path, images: int = 20) -> None:
    """One scene, taken again and again."""
    rng = np.random.default_rng(0)
    mask = np.zeros((24, 32), np.uint8)
    mask[4:12, 4:12], mask[14:20, 20:28] = 1, 2
    for part in ("images", "masks"):
        (home / part).mkdir()
    for number in range(images):
        shot = (COLOURS[mask] + rng.integers(0, 8, (24, 32, 3))).astype(np.uint8)
        Image.fromarray(shot).save(home / "images" / f"f{number:02d}.png")
        Image.fromarray(mask).save(home / "masks" / f"f{number:02d}.png")


def test_validation_that_would_take_all_is_said_before_anybody_is_asked(tmp_path: Path) -> None:
    static_camera(tmp_path)
    config = configured(tmp_path, selection={"duplicate_similarity": 0.98})

    (said,) = validation_faults(config, ForkLauncher())
    daemon = ticker(config)
    outcome = daemon.tick()
    while outcome.running:
        time.sleep(0.02)
        outcome = daemon.tick()

    assert "[selection] duplicate_similarity = 0.98" in said
    assert outcome.fault
    assert "[selection] duplicate_similarity = 0.98 decides it" in outcome.waiting
    assert status_json(config)["waiting"] == outcome.waiting
    with Store(config.state / FILE, read_only=True) as store:
        assert store.tasks() == []


@pytest.mark.parametrize("cure", ["setting", "images"])
def test_the_cure_for_validation_that_takes_all_works(tmp_path: Path, cure: str) -> None:
    static_camera(tmp_path)
    config = configured(tmp_path, selection={"duplicate_similarity": 0.98}, loop=BUDGET)
    daemon = ticker(config)
    while (outcome := daemon.tick()).running:
        time.sleep(0.02)
    assert "nothing is left to train on" in outcome.waiting

    if cure == "setting":
        config = configured(tmp_path, selection={"duplicate_similarity": 1.0}, loop=BUDGET)
    else:
        for name, mask in paint_images(tmp_path / "more", 12).items():
            shutil.copy(tmp_path / "more" / name, tmp_path / "images" / name)
            Image.fromarray(mask).save(tmp_path / "masks" / name)
        look_again(config)
    run_out(ticker(config))

    assert status_json(config)["evaluations"][-1]["miou"] is not None


def test_one_group_of_all_images_is_said_with_its_setting(tmp_path: Path) -> None:
    paint(tmp_path, images=12)
    validation = {"min_images": 4, "max_images": 4, "group_by": "^(field)"}
    config = configured(tmp_path, validation=validation)

    (said,) = validation_faults(config, ForkLauncher())
    daemon = ticker(config)
    while (outcome := daemon.tick()).running:
        time.sleep(0.02)

    assert "group_by = '^(field)' makes 1 groups of 12 images" in said
    assert "[validation] group_by = '^(field)' decides what a group is" in outcome.waiting


def test_a_store_in_which_validation_took_all_goes_on_with_another_setting(tmp_path: Path) -> None:
    """As an earlier release left it: validation drawn and labeled, nothing to train on."""
    static_camera(tmp_path)
    config = configured(tmp_path, selection={"duplicate_similarity": 1.0}, loop=BUDGET)
    daemon = ticker(config)
    while not (outcome := daemon.tick()).final and "cycle 1" not in outcome.waiting:
        time.sleep(0.02)
    strict = configured(tmp_path, selection={"duplicate_similarity": 0.9}, loop=BUDGET)
    with Store(config.state / FILE) as store:
        others = [image.id for image in store.images() if image.role is Role.POOL]
        store.exclude(Exclusion.NEAR_VALIDATION, dict.fromkeys(others, "near"))
    shutil.rmtree(config.state / "runs/0001-train", ignore_errors=True)

    assert "image is left to train on" in left_out_words(strict)


def left_out_words(config: Config) -> str:
    from datetime import UTC, datetime

    from daemon.stages.context import Context
    from daemon.stages.roles import excluded_pool_message

    with Store(config.state / FILE) as store:
        context = Context(
            config=config,
            store=store,
            connector=open_connector(config),
            launcher=ForkLauncher(),
            now=lambda: datetime.now(UTC),
        )
        return excluded_pool_message(context)

"""Where a figure is missing or could lie, the reason stands there; files that broke stop no run."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from daemon.config.loading import Config
from daemon.domain import Exclusion, Role, Task, TaskState
from daemon.loop.components import open_connector
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.integration.figures import (
    BUDGET,
    why_excluded,
)
from tests.integration.workbench import (
    configured,
    run_out,
    ticker,
)

IMAGES = 20


def binary(home: Path, value: int = 255) -> None:
    for path in (home / "masks").iterdir():
        mask = np.asarray(Image.open(path))
        Image.fromarray(np.where(mask > 0, value, 0).astype(np.uint8)).save(path)


CROP: dict[str, Any] = {"names": ("background", "crop")}


def test_masks_of_0_and_255_are_said_by_check_and_give_no_miou(home: Path) -> None:
    binary(home)
    config = configured(home, classes=CROP, loop=BUDGET)

    (fault,) = open_connector(config).check()
    run_out(ticker(config))

    assert "255 in 20 of 20 masks and 'crop' in none" in fault.got
    assert "write 1 for 'crop'" in fault.cure
    for point in status_json(config)["evaluations"]:
        assert point["miou"] is None
        assert point["missing"]["miou"]["why"] == "class_as_ignore"
        assert "255" in point["remarks"][0]


def test_a_class_that_nobody_drew_is_said_where_its_iou_would_stand(home: Path) -> None:
    classes = {"names": ("soil", "crop", "weed", "stone")}
    config = configured(home, classes=classes, loop=BUDGET)

    assert open_connector(config).check() == []
    run_out(ticker(config))

    point = status_json(config)["evaluations"][-1]
    assert point["miou"] > 0.5
    assert point["iou"]["stone"] is None
    assert point["missing"]["iou.stone"] == {
        "why": "class_absent",
        "words": "no mask of these images holds 'stone'",
    }
    assert point["missing"]["labels.stone"]["why"] == "class_unlabeled"


def test_few_validation_images_have_no_interval_and_say_so(home: Path) -> None:
    config = configured(home, loop=BUDGET)

    run_out(ticker(config))

    point = status_json(config)["evaluations"][-1]
    assert point["miou_interval"] is None
    assert point["missing"]["miou_interval"]["why"] == "few_images"
    assert point["interval_words"].startswith("no interval: 4 images")


def test_eight_validation_images_have_an_interval_with_its_coverage(home: Path) -> None:
    rng = np.random.default_rng(0)
    for path in (home / "images").iterdir():  # hard to tell apart
        picture = np.asarray(Image.open(path)) + rng.normal(0, 40, (24, 32, 3))
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path)
    config = configured(
        home,
        loop={**BUDGET, "budget_labels": 12},
        validation={"min_images": 8, "max_images": 8},
    )

    run_out(ticker(config))

    point = status_json(config)["evaluations"][-1]
    low, high = point["miou_interval"]
    assert low < point["miou"] < high
    assert point["interval_words"] == "8 images; this method covers 95 % in simulation"


# Files that break between intake and a run


def test_several_files_that_broke_are_set_aside_by_one_run(home: Path) -> None:
    config, launcher = configured(home, loop=BUDGET), ForkLauncher()
    daemon = ticker(config, launcher=launcher)
    while not daemon.tick().waiting.startswith("cycle 1"):
        time.sleep(0.02)
    launcher.stop()  # a child that goes on would write into the folder of the next one
    with Store(config.state / FILE, read_only=True) as store:
        labeled = store.labeled_ids()
        unlabeled = [image for image in store.images() if image.id not in labeled]
        taught = [image for image in store.images() if image.id in labeled]
        pooled = next(image for image in taught if image.role is Role.POOL)
    gone = [*unlabeled[:2], pooled]
    for image in gone:
        image.path.unlink()
    shutil.rmtree(config.state / "runs" / "0001-train", ignore_errors=True)

    run_out(ticker(config))

    found = status_json(config)
    assert {row["place"] for row in found["quarantine"]} == {f"image {one.key}" for one in gone}
    assert why_excluded(config) == dict.fromkeys(
        [image.name for image in gone], Exclusion.UNREADABLE
    )
    starts = (config.state / "runs/0001-train/starts.txt").read_text().split()
    assert len(starts) == 1
    assert found["evaluations"][0]["train_labels"] == 3


def test_an_open_task_of_an_image_that_is_left_out_is_withdrawn(home: Path) -> None:
    config = configured(home, loop=BUDGET)
    daemon = ticker(config)
    daemon.tick()
    while not (rows := _open(config)):
        daemon.tick()
        time.sleep(0.02)
    picked = next(row for row in rows if row.arm != "validation")
    with Store(config.state / FILE) as store:
        store.exclude(Exclusion.UNREADABLE, {picked.image_id: "for the test"})
        from daemon.stages.context import Context

        context = Context(
            config=config,
            store=store,
            connector=open_connector(config),
            launcher=ForkLauncher(),
            now=daemon._now,
        )
        from daemon.stages.sync import close_tasks

        close_tasks(context)
        assert picked.id in {row.id for row in store.tasks(TaskState.EXPIRED)}


def _open(config: Config) -> list[Task]:
    with Store(config.state / FILE, read_only=True) as store:
        return list(store.tasks(TaskState.OPEN))

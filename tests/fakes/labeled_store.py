"""A store with labeled images, as a loop leaves it after its first batch, without any loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.config.loading import Config
from daemon.domain import Image, Pick, Push, QueuedTask, Stage, TaskState
from daemon.store import FILE, Store
from tests.fakes.dataset_sources import picture
from tests.fakes.labels import NOON, annotation
from tests.fakes.versions import version

CLASSES = ("soil", "crop", "weed")
ARM = "random"


def labeled_config(home: Path) -> Config:
    """The settings of a loop below `home`, whose state folder is home/state."""
    settings = {
        "project": {"state_dir": str(home / "state")},
        "classes": {"names": list(CLASSES)},
    }
    return Config.model_validate(settings)


def labeled_store(home: Path, masks: Mapping[str, npt.NDArray[np.uint8]]) -> Path:
    """A store whose images have these names, were asked in this order, and have these labels, all
    by anna. Returns the path of the store; the pictures lie in home/pictures."""
    path = home / "state" / FILE
    with Store(path) as store:
        store.keep_classes(CLASSES)
        store.start_cycle(0, Stage.PUSH, NOON, labels=0, train_labels=0)
        for number, (name, mask) in enumerate(masks.items(), start=1):
            file = picture(home / f"pictures/{number}.png", mask.shape, number)
            store.add_image(_image(number, name, file, mask.shape), None)
        _ask(store, len(masks))
        for number, mask in enumerate(masks.values(), start=1):
            answer = replace(annotation(f"a{number}"), mask=mask, task=f"t{number}")
            store.keep_annotation(number, answer)
            store.set_task_state([f"t{number}"], TaskState.LABELED, NOON)
    return path


def _image(number: int, name: str, file: Path, size: tuple[int, ...]) -> Image:
    return Image(
        id=0,
        key=f"key {number}",
        name=name,
        uri=f"uri {number}",
        path=file,
        height_px=size[0],
        width_px=size[1],
        sha256=f"{number:064x}",
    )


def _ask(store: Store, images: int) -> None:
    """The first batch: all images, in the order of their ids."""
    ids = range(1, images + 1)
    picks = [Pick(image_id=one, rank=one, arm=ARM, reason=f"reason {one}") for one in ids]
    store.save_picks(0, picks, [])
    tasks = [
        QueuedTask(image_id=one, position=one - 1, arm=ARM, reason=f"reason {one}") for one in ids
    ]
    push = Push(key="push", cycle=0, version=version(0, 1), tasks=tuple(tasks))
    store.enqueue_push(push, NOON)
    store.record_push(push, {one: f"t{one}" for one in ids}, NOON)

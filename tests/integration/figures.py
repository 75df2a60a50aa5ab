"""A field with a test set, and looks into the store of a finished loop: for tests of figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from daemon.config.loading import Config
from daemon.domain import Exclusion, Role
from daemon.runs.run_folder import TrainRequest
from daemon.store import FILE, Store
from tests.integration.workbench import COLOURS

BUDGET = {"budget_labels": 12, "batch_images": 4, "seed_images": 4, "poll_s": 0.05, "queue_low": 0}
TEST = {"images": "held/images", "masks": "held/masks"}


def held_out(home: Path, images: int = 4, seed: int = 99) -> None:
    """Test images of their own: t0.png ... with their masks."""
    rng = np.random.default_rng(seed)
    for part in ("images", "masks"):
        (home / "held" / part).mkdir(parents=True)
    for number in range(images):
        mask = np.zeros((24, 32), np.uint8)
        mask[4:12, number : number + 9] = 1 + number % 2
        picture = (COLOURS[mask] + rng.integers(0, 30, (24, 32, 3))).astype(np.uint8)
        Image.fromarray(picture).save(home / "held/images" / f"t{number}.png")
        Image.fromarray(mask).save(home / "held/masks" / f"t{number}.png")


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def roles(config: Config) -> dict[str, Role]:
    with Store(config.state / FILE, read_only=True) as store:
        return {image.name: image.role for image in store.images()}


def why_excluded(config: Config) -> dict[str, Exclusion]:
    with Store(config.state / FILE, read_only=True) as store:
        names = {image.id: image.name for image in store.images()}
        return {names[image_id]: why for image_id, why in store.excluded().items()}


def trained_on(config: Config) -> set[str]:
    """Names of all images that any training saw, with a label or without."""
    ids: set[int] = set()
    for file in (config.state / "runs").glob("*-train/request.json"):
        request = TrainRequest.model_validate_json(file.read_bytes())
        ids |= {one.id for one in (*request.labeled, *request.unlabeled)}
    with Store(config.state / FILE, read_only=True) as store:
        return {image.name for image in store.images() if image.id in ids}


def look_again(config: Config) -> None:
    """A minute later, so that the folder is listed again."""
    with Store(config.state / FILE) as store:
        store.keep_fact("images_listed_at", "2026-01-01T00:00:00+00:00")

"""A store and run folders with three cycles to choose for: made-up numbers, no picture, no learner.

Choosing is the real thing. Every second image of a pool of 48 has a near-duplicate, some tie
exactly, and the rows of each file are shuffled.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from connectors.folder import Folder
from daemon.config.loading import Config
from daemon.domain import Push, QueuedTask, Role, Stage
from daemon.launchers.local import LocalLauncher
from daemon.runs.run_folder import PredictResult, RunFolder, Scores, TrainRequest, TrainResult
from daemon.stages.context import Context
from daemon.stages.run_settings import depends_on
from daemon.stages.select import extend, select
from daemon.store import FILE, Store
from tests.fakes.labels import NOON, annotation, image
from tests.fakes.versions import version

IMAGES, VALIDATION = 48, 4
SELECTION = {
    "strategy": "hybrid",
    "seed": 5,
    "duplicate_similarity": 0.95,
    "settings": {"uncertainty_weight": 0.8},
}
LOOP = {"batch_images": 6, "seed_images": 6, "random_share": 0.34, "queue_low": 0}


def made(home: Path) -> Config:
    """48 images in a store, of which 4 validate, with their embeddings; nothing is chosen yet."""
    config = with_selection(home)
    config.state.mkdir()
    with Store(config.state / FILE) as store:
        for number in range(IMAGES):
            store.add_image(image(f"field{number:02d}"), None)
        store.set_roles(Role.VALIDATION, dict.fromkeys(range(1, VALIDATION + 1), "drawn"))
    rng = np.random.default_rng(1)
    write_scores(config, f"0000-{Stage.EMBED}", rng)
    write_scores(config, f"0001-{Stage.EMBED}", rng, ids=np.arange(9, 20))  # embedded once more
    return config


def with_selection(home: Path, **selection: Any) -> Config:
    """The settings of these loops; selection: other values of [selection]."""
    tables = {
        "selection": {**SELECTION, **selection},
        "loop": LOOP,
        "connector": {"kind": "folder"},
    }
    return Config.model_validate({"home": home, **tables})


def choose_all(config: Config) -> None:
    """Choose the batches of cycles 0, 1 and 2, of which people label the first two, and five more
    for cycle 2."""
    with opened(config) as context:
        rng = np.random.default_rng(2)
        for cycle in range(3):
            at = NOON + timedelta(hours=cycle)
            context.store.start_cycle(cycle, Stage.SELECT, at, labels=0, train_labels=0)
            if cycle:
                _train(context, cycle)
                write_scores(config, f"{cycle:04d}-{Stage.SCORE}", rng)
            if not select(context, cycle):
                raise RuntimeError("a pool of this size is chosen from at once")
            if cycle < 2:
                _label(context.store, cycle)
        extend(context, 2, 5)


@contextlib.contextmanager
def opened(config: Config) -> Iterator[Context]:
    """The argument of the stages."""
    folder = config.home / "images"
    tool = Folder(
        images=folder, truth=folder, state=folder, classes=config.class_set, max_bytes=10**6
    )
    with Store(config.state / FILE) as store:
        yield Context(
            config=config,
            store=store,
            connector=tool,
            launcher=LocalLauncher(module="tests.fakes.learner"),
            now=lambda: NOON + timedelta(days=1),
        )


def write_scores(
    config: Config, name: str, rng: np.random.Generator, ids: np.ndarray | None = None
) -> None:
    """A finished run with numbers of these images, of all without any; the same shape each time."""
    ids = np.arange(1, IMAGES + 1) if ids is None else ids
    ids = rng.permutation(ids)
    embeddings = rng.standard_normal((len(ids), 6))
    embeddings[1::4] = embeddings[::4][: len(embeddings[1::4])]  # exactly the same
    embeddings[2::4] += 3 * embeddings[::4][: len(embeddings[2::4])]  # much alike
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    uncertainty = np.round(rng.random(len(ids)), 1)  # full of ties
    scores = Scores(ids=ids, embeddings=embeddings.astype(np.float32))
    if name.endswith(Stage.SCORE):
        share = rng.dirichlet((6, 1, 0.2), size=len(ids))
        scores = replace(
            scores,
            uncertainty=uncertainty.astype(np.float32),
            class_share=share.astype(np.float32),
        )
    run = RunFolder(config.state / "runs" / name)
    run.path.mkdir(parents=True)
    run.write_scores(scores)
    run.write_result(PredictResult(images=len(ids), seconds=0.0))
    run.settings_file.write_text(json.dumps(depends_on(config, Stage.EMBED)))


def _train(context: Context, cycle: int) -> None:
    """A finished training, of which choosing needs the counts."""
    run = context.run(cycle, Stage.TRAIN)
    run.write_request(context.request(TrainRequest, labeled=()))
    holding = dict.fromkeys(context.config.classes.names, 6 * cycle)
    run.write_result(
        TrainResult(validation=None, iterations=1, seconds=0.0, labeled_holding=holding)
    )


def _label(store: Store, cycle: int) -> None:
    """People are asked for the batch of a cycle, and label it."""
    at = NOON + timedelta(hours=cycle, minutes=9)
    ids = [pick.image_id for pick in store.picks(cycle)]
    tasks = tuple(
        QueuedTask(image_id=image_id, position=place, arm="x", reason="r")
        for place, image_id in enumerate(ids)
    )
    push = Push(key=f"batch{cycle}", cycle=cycle, version=version(cycle, 1), tasks=tasks)
    store.enqueue_push(push, at)
    store.record_push(push, {image_id: f"t{image_id}" for image_id in ids}, at)
    for image_id in ids:
        store.keep_annotation(image_id, annotation(f"a{image_id}", minutes=60 * cycle + 10))

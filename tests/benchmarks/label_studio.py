"""Seconds that the connector's verbs take on a real Label Studio with many tasks.

    LABEL_STUDIO_API_KEY=... python tests/benchmarks/label_studio.py URL [TASKS] [OPEN]

Makes a project of its own in that server, with source = project, 10000 tasks and 50 open ones
unless told otherwise, and leaves it there.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from connectors.label_studio import LabelStudio, create_or_adopt_project
from connectors.label_studio.api import Api
from daemon.domain import Ask, ClassSet, FoundImage, Image, Prediction

CLASSES = ClassSet(names=("soil", "crop", "weed"))
SIZE = (240, 320)
CHUNK = 2000

T = TypeVar("T")


def token() -> str:
    return os.environ["LABEL_STUDIO_API_KEY"]


def timed(name: str, work: Callable[[], T]) -> T:
    started = time.perf_counter()
    result = work()
    print(f"{name:42} {time.perf_counter() - started:6.2f} s", flush=True)
    return result


def ask(found: FoundImage, position: int) -> Ask:
    rng = np.random.default_rng(position)
    image = Image(
        id=position,
        key=found.key,
        name=found.name,
        uri=found.uri,
        path=Path(found.name),
        height_px=SIZE[0],
        width_px=SIZE[1],
        sha256="",
    )
    mask = rng.integers(0, 3, SIZE).astype(np.uint8)
    shown = Prediction(image_id=position, mask=mask)
    return Ask(image=image, position=position, cycle=0, reason="benchmark", prediction=shown)


def main(url: str, tasks: int = 10_000, open_tasks: int = 50) -> None:
    title = f"benchmark {time.time():.0f}"
    project = create_or_adopt_project(
        url=url, token=token, project=title, classes=CLASSES, source=None
    ).id
    api = Api(url, token)
    for start in range(0, tasks, CHUNK):
        rows = [{"data": {"image": f"/data/upload/1/{start + n:06d}.jpg"}} for n in range(CHUNK)]
        api.post(f"api/projects/{project}/import", rows)
    tool = LabelStudio(url=url, project=project, token=token, classes=CLASSES, source=None)

    images = timed(f"images, {tasks} tasks", lambda: list(tool.images()))
    asks = [ask(found, n) for n, found in enumerate(images[:: len(images) // open_tasks])]
    pushed = timed(f"push of {len(asks)}", lambda: tool.push(asks, "push-1", "1.0"))
    asks = [replace(one, task=pushed[one.image.id]) for one in asks]
    timed(f"rerank of {len(asks)}, new predictions", lambda: tool.rerank("1.1", asks))
    open_now = list(pushed.values())
    timed("repair, nothing to mend", lambda: tool.repair("1.1", open_now))
    timed("changes, all tasks just imported", lambda: tool.changes(None, {}))
    api.patch(f"api/projects/{project}/", {"maximum_annotations": 1})
    timed("repair, every task was handed out", lambda: tool.repair("1.1", open_now))
    time.sleep(125)  # until the import is older than what is read twice
    cursor = tool.changes(None, {}).cursor
    timed("changes, nothing new", lambda: tool.changes(cursor, {}))


if __name__ == "__main__":
    main(sys.argv[1], *(int(number) for number in sys.argv[2:]))

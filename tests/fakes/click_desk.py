"""People who click, over HTTP, on pictures with two objects each; a daemon's smart tool answers."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image as Pillow

from daemon.domain.clock import steady_s
from daemon.runs.click_worker_messages import ClicksRequest
from daemon.runs.run_folder import RunFolder
from daemon.smart_tool.click_answers import FindsObjects
from daemon.smart_tool.click_worker_process import ClickWorkerProcess
from daemon.smart_tool.network_first import NetworkFirst
from daemon.smart_tool.walks import Walks
from daemon.store import FILE, Store
from daemon.web.server import serving
from tests.fakes.clicking import SIZE, body, click_tool, point
from tests.fakes.labels import image

SECRET = "a long enough password"
PATIENCE_S = 200.0
FIRST_TASK = 3
Region = dict[str, Any]


def two_objects(task: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The first (row, column) of the two objects of 12 x 12 pixels that a task shows; no two tasks
    show them at the same place."""
    return (4 + task, 5 + 2 * task), (38 - task, 50 - task)


def centre(task: int, number: int) -> tuple[float, float]:
    """Where somebody clicks on an object: x and y in percent."""
    row, column = two_objects(task)[number]
    return (column + 6) / SIZE[1] * 100, (row + 6) / SIZE[0] * 100


def store_of_objects(state: Path, tasks: int) -> None:
    """A store whose tasks 3, 4, ... show two objects each."""
    with Store(state / FILE) as store:
        for task in range(FIRST_TASK, FIRST_TASK + tasks):
            path = state / f"{task}.png"
            picture = np.full((*SIZE, 3), (90, 60, 40), np.uint8)
            for row, column in two_objects(task):
                picture[row : row + 12, column : column + 12] = (40, 160, 50)
            Pillow.fromarray(picture).save(path)
            one = replace(image(f"image {task}"), path=path)
            store.add_image(replace(one, height_px=SIZE[0], width_px=SIZE[1]), str(task))


class ClickDesk:
    """The smart tool over HTTP."""

    def __init__(self, state: Path, engines: FindsObjects, web: httpx.Client) -> None:
        self.state, self.web = state, web
        self.tool = click_tool(state, engines, steady_s, secret=SECRET)

    def click(self, *points: dict[str, Any], task: int = FIRST_TASK) -> Region:
        """The region that these clicks suggest."""
        answer = self.web.post("/smart-tool/predict", content=body(*points, task=task))
        assert answer.status_code == 200
        (region,) = answer.json()["results"][0]["result"]
        return dict(region)


@contextmanager
def click_desk(state: Path, engines: FindsObjects) -> Iterator[ClickDesk]:
    """A desk with these engines."""
    with ExitStack() as opened:
        auth = ("maskloop", SECRET)
        web = opened.enter_context(httpx.Client(trust_env=False, auth=auth, timeout=PATIENCE_S))
        desk = ClickDesk(state, engines, web)
        web.base_url = opened.enter_context(serving(dict, smart_tool=desk.tool))
        yield desk


@contextmanager
def network(folder: Path, kind: str, deadline_s: float = PATIENCE_S) -> Iterator[NetworkFirst]:
    """A worker of tests/fakes/click_worker.py before the walks."""
    wanted = ClicksRequest(checkpoint=folder / kind, classes=("soil",))
    worker = ClickWorkerProcess(
        lambda: wanted, RunFolder(folder / "run"), steady_s, "tests.fakes.click_worker"
    )
    try:
        yield NetworkFirst(worker, Walks(), deadline_s)
    finally:
        worker.close()


def session(task: int, number: int) -> list[list[dict[str, Any]]]:
    """The points of each request about an object: two clicks that add and one that cuts."""
    x, y = centre(task, number)
    points = [
        point(x, y, "weed"),
        point(x + 2, y + 2, "weed"),
        point(x - 5, y - 5, "weed", is_positive=False),
    ]
    return [points[: count + 1] for count in range(3)]


def worker_pids(folder: Path) -> list[int]:
    """The process ids of all workers so far, oldest first."""
    file = folder / "run" / "pids"
    return [int(text) for text in file.read_text().split()] if file.exists() else []


def until(done: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def mask_bytes(region: Region) -> bytes:
    """The PNG of the mask."""
    return base64.b64decode(str(region["value"]["imageDataURL"]).partition(",")[2])

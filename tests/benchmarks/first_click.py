"""The first click on an image: cold, with its picture decoded ahead, and a click that follows.

    .venv/bin/python tests/benchmarks/first_click.py --rounds 5

JPEGs of 384x384, 1296x966 and 4000x3000 pixels with a green square on soil, one each round; the
walk by colours answers in this process. Prints one JSON line a size: medians in milliseconds, of
wall time and of CPU time of the process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from daemon.domain import Push, QueuedTask, Stage
from daemon.domain.clock import steady_s, utc_now
from daemon.smart_tool.click_answers import ClickAnswers
from daemon.smart_tool.next_pictures import NextPictures
from daemon.smart_tool.walks import Walks
from daemon.store import FILE, Store
from tests.fakes.clicking import body, click_tool, point
from tests.fakes.labels import image
from tests.fakes.versions import version

SIZES = ((384, 384), (966, 1296), (3000, 4000))  # (height_px, width_px)
Times = list[tuple[float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    for size in SIZES:
        cold, ahead, next_clicks = Times(), Times(), Times()
        for number in range(rounds + 1):
            with tempfile.TemporaryDirectory() as place:
                found = one_round(Path(place), size, number)
            if number:  # the first loads code
                for times, pair in zip((cold, ahead, next_clicks), found, strict=True):
                    times.append(pair)
        result = {"cold": cold, "decoded_ahead": ahead, "next_click": next_clicks}
        print(json.dumps({"size": size, **{name: medians(each) for name, each in result.items()}}))


def one_round(state: Path, size: tuple[int, int], seed: int) -> list[tuple[float, float]]:
    """Wall and CPU milliseconds: cold, decoded ahead, a click that follows."""
    store_of_squares(state, size, seed)
    click = body(point(50, 50), task=3)
    cold = timed(lambda: tool(state).predict(click))
    warm = tool(state)
    NextPictures(state, warm.pictures, lambda: 60.0, utc_now).decode()
    ahead = timed(lambda: warm.predict(click))
    follows = body(point(50, 50), point(52, 52), task=3)
    return [cold, ahead, timed(lambda: warm.predict(follows))]


def tool(state: Path) -> ClickAnswers:
    return click_tool(state, Walks(), steady_s)


def store_of_squares(state: Path, size: tuple[int, int], seed: int) -> None:
    height_px, width_px = size
    picture = np.full((*size, 3), (120, 90, 60), np.uint8)
    picture[height_px // 2 - 40 : height_px // 2 + 40, width_px // 2 - 40 : width_px // 2 + 40] = (
        40, 160, 40,
    )  # fmt: skip
    noise = np.random.default_rng(seed).integers(0, 24, picture.shape, dtype=np.uint8)
    path = state / "field.jpg"
    Pillow.fromarray(picture + noise).save(path, quality=90)
    queued = QueuedTask(image_id=1, position=0, arm="x", reason="r")
    push = Push(key="key", cycle=0, version=version(0, 1), tasks=(queued,))
    with Store(state / FILE) as store:
        one = replace(image("field"), path=path, height_px=height_px, width_px=width_px)
        store.add_image(one, "3")
        store.start_cycle(0, Stage.EMBED, utc_now(), labels=0, train_labels=0)
        store.enqueue_push(push, utc_now())
        store.record_push(push, {1: "3"}, utc_now())


def timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)


def medians(times: Times) -> dict[str, float]:
    return {
        "wall_ms": round(statistics.median(wall for wall, _ in times), 1),
        "cpu_ms": round(statistics.median(cpu for _, cpu in times), 1),
    }


if __name__ == "__main__":
    main()

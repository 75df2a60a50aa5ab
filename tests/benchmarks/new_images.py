"""How long ticks take while a new pool is read, and how long until all of it is in.

    .venv/bin/python -m tests.benchmarks.new_images --reader thread
    .venv/bin/python -m tests.benchmarks.new_images --reader tick

A folder of 5,000 JPEGs of 256x256 and 20 of 4096x4096, the folder connector, ticks every 10 s as
`maskloop run` makes them. thread: `maskloop run`. tick: images are read inside the ticks, as by
`maskloop once`, and before 2026-11-26 by `run` too. Prints one JSON line; where other work has the
machine, the CPU seconds of a tick say more than those of the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from daemon.config.loading import Config
from daemon.launchers.local import LocalLauncher
from daemon.loop.components import open_connector
from daemon.loop.scheduler import Schedule, start_scheduler
from daemon.loop.service import Ticker
from daemon.stages.image_readers import BackgroundReader, InlineReader, Reader
from daemon.store import FILE, Store

SIDE_PX, LARGE_PX = 256, 4096
MOST_S = 900.0


class Timed:
    """Ticks and their times, until all images are in."""

    def __init__(self, config: Config, images: int, reader: str) -> None:
        self.config, self.images = config, images
        self.schedule: Schedule | None = None
        connector = open_connector(config)
        self.ticker = Ticker(
            config,
            connector,
            LocalLauncher(),
            lambda: datetime.now(UTC),
            None,
            reader=_reader(reader, config, self.wake),
        )
        self.ticks_s: list[float] = []
        self.cpus_s: list[float] = []
        self.all_in = threading.Event()

    def wake(self) -> None:
        if self.schedule is not None:
            self.schedule.hasten()

    def tick(self) -> None:
        began_s, cpu_s = time.monotonic(), time.thread_time()
        self.ticker.tick_and_report()
        self.ticks_s.append(time.monotonic() - began_s)
        self.cpus_s.append(time.thread_time() - cpu_s)
        with Store(self.config.state / FILE, read_only=True) as store:
            if sum(store.role_counts().values()) == self.images:
                self.all_in.set()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", choices=("thread", "tick"), default="thread")
    parser.add_argument("--small", type=int, default=5000)
    parser.add_argument("--large", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        paint(home, options.small, options.large, options.seed)
        config = Config.model_validate(
            {"home": home, "connector": {"kind": "folder"}, "web": {"enabled": False}}
        )
        timed = Timed(config, options.small + options.large, options.reader)
        began_s = time.monotonic()
        timed.schedule = start_scheduler(timed.tick, config.loop.poll_s)
        done = timed.all_in.wait(MOST_S)
        seconds = time.monotonic() - began_s
        timed.schedule.stop()
    found = {
        "reader": options.reader,
        "images": timed.images,
        "all_in_s": round(seconds, 1) if done else None,
        "ticks": len(timed.ticks_s),
        "longest_tick_s": round(max(timed.ticks_s), 2),
        "most_cpu_of_a_tick_s": round(max(timed.cpus_s), 2),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(found))


def paint(home: Path, small: int, large: int, seed: int) -> None:
    """Pictures of blurred noise, no two alike, and one mask."""
    rng = np.random.default_rng(seed)
    (home / "images").mkdir()
    (home / "masks").mkdir()
    Image.fromarray(np.zeros((SIDE_PX, SIDE_PX), np.uint8)).save(home / "masks/small00000.png")
    soil = Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8))
    for kind, count, side in (("small", small, SIDE_PX), ("large", large, LARGE_PX)):
        pixels = np.array(soil.resize((side, side)))
        for number in range(count):
            pixels[number % side] = rng.integers(0, 256, (side, 3))
            Image.fromarray(pixels).save(home / "images" / f"{kind}{number:05d}.jpg", quality=90)


def _reader(name: str, config: Config, wake: Callable[[], None]) -> Reader:
    if name == "tick":
        return InlineReader(open_connector(config), config)
    return BackgroundReader(open_connector(config), config, wake)


if __name__ == "__main__":
    main()

"""Odd inputs at size: how many of them end a tick, and how many are dropped in silence.

    .venv/bin/python -m tests.benchmarks.fuzz_intake [--inputs 100000] [--seed 20261126]
        [--kinds tasks annotations masks images]

One line for each kind. The first tick that ends is the end of the benchmark, with its error and the
seed of its round; exit 1 where something was dropped.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from daemon.config.loading import Config
from tests.fakes.odd_images import FILES, image_rounds
from tests.fakes.odd_tool import ANSWERED, ANSWERS, TASKS, rounds
from tests.integration.workbench import configured

SIZES = {
    "tasks": TASKS,
    "annotations": ANSWERED * ANSWERS,
    "masks": ANSWERED * ANSWERS,
    "images": FILES,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20261126)
    parser.add_argument("--kinds", nargs="+", choices=list(SIZES), default=list(SIZES))
    told = parser.parse_args()
    return int(sum(feed(kind, told.inputs, told.seed) for kind in told.kinds) > 0)


def feed(kind: str, inputs: int, seed: int) -> int:
    """Feed so many inputs of a kind and print what happened; how many were dropped."""
    began, dropped = time.monotonic(), 0
    for first in range(0, inputs, SIZES[kind]):
        size = min(SIZES[kind], inputs - first)
        with tempfile.TemporaryDirectory() as folder:
            config = configured(Path(folder))
            try:
                lost = next(_round(kind, size, Path(folder), config, seed + first))
            except BaseException as exc:
                exc.add_note(f"{kind}: the round of the seed {seed + first} ended a tick")
                raise
        dropped += len(lost)
        for one in lost[:3]:
            print(f"dropped with the seed {seed + first}: {one[:300]}")
    seconds = time.monotonic() - began
    print(
        f"{kind}: {inputs} inputs, 0 ticks ended, {dropped} silent drops, seed {seed}, "
        f"{seconds:.0f} s",
        flush=True,
    )
    return dropped


def _round(kind: str, size: int, folder: Path, config: Config, seed: int) -> Iterator[list[str]]:
    if kind == "images":
        return image_rounds(size, folder, config, seed)
    return rounds(kind, size, folder, config, seed)


if __name__ == "__main__":
    sys.exit(main())

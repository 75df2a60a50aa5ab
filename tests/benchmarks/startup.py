"""From the start of the process to its first iteration, against importing torch, mmengine, mmseg.

    .venv/bin/python tests/benchmarks/startup.py --rounds 5

Both take turns, so that other work on the machine falls on both; one warm-up each is not counted.
"To the first iteration" is until the first minibatch is cut and the learner built: 16 images of
512x512, the `cpu` preset with its ImageNet weights. Prints one JSON line: medians and their ratio,
of wall seconds and of CPU seconds of the processes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from daemon.runs.run_folder import ImageFile, LabeledFile, RunFolder, TrainRequest

IMPORTS = "import torch, mmengine, mmseg"
FIRST = """
import os, sys
from daemon.hrda.training import training_loop
training_loop.step = lambda learner, minibatch, seed, iteration: os._exit(0)
from daemon.hrda.__main__ import main
main(["train", sys.argv[1]])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as place:
        run = request(Path(place))
        imports, starts = [], []
        for row in range(rounds + 1):
            pair = timed(IMPORTS), timed(FIRST, str(run.path))
            if row:
                imports.append(pair[0])
                starts.append(pair[1])
    print(json.dumps({"rounds": rounds, **ratio(imports, starts)}))


def request(folder: Path) -> RunFolder:
    rng = np.random.default_rng(0)
    labeled = []
    for row in range(16):
        image, mask = folder / f"{row}.jpg", folder / f"{row}.png"
        Image.fromarray(rng.integers(0, 256, (512, 512, 3), np.uint8)).save(image)
        Image.fromarray(rng.integers(0, 3, (512, 512), np.uint8)).save(mask)
        labeled.append(LabeledFile(id=row, image=image, mask=mask))
    run = RunFolder(folder / "run")
    run.write_request(
        TrainRequest(
            classes=("soil", "crop", "weed"),
            labeled=tuple(labeled),
            unlabeled=tuple(ImageFile(id=99, image=file.image) for file in labeled[:1]),
        )
    )
    return run


def timed(code: str, *arguments: str) -> tuple[float, float]:
    """Wall and CPU seconds of a process."""
    before, began_s = os.times(), time.monotonic()
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, stderr=subprocess.DEVNULL)
    after = os.times()
    cpu_s = after.children_user + after.children_system
    return time.monotonic() - began_s, cpu_s - before.children_user - before.children_system


def ratio(
    imports: list[tuple[float, float]], starts: list[tuple[float, float]]
) -> dict[str, float]:
    found = {}
    for column, name in enumerate(("wall", "cpu")):
        base, ours = (statistics.median(t[column] for t in part) for part in (imports, starts))
        found[f"imports_{name}_s"] = round(base, 2)
        found[f"start_{name}_s"] = round(ours, 2)
        found[f"{name}_ratio"] = round(ours / base, 3)
    return found


if __name__ == "__main__":
    main()

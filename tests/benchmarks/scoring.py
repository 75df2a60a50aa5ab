"""Score a synthetic pool, and compare with the bare forward pass of the same network.

    python tests/benchmarks/scoring.py [--kinds 384x384.jpg 1296x966.png] [--rounds N]

Both scorings do the same windows, images a pass, threads and precision. The bare one gets random
tensors that lie ready; ours reads files, runs the network, takes all measures, appends the row
with its progress, and assembles scores.npz. They alternate, ratios are of neighbours, medians are
told. Peak memory is that of `python -m daemon.hrda predict` as a
child, on pools of two sizes. One JSON line; exit 0 when every ratio is at least 0.9 and memory
grows by at most --growth MB from the small pool to the large one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the training process does

import numpy as np
import torch
from PIL import Image

from daemon.config.learner import GRID_PX, settings_of
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.inference.passes import images_per_pass, queue_length
from daemon.hrda.inference.whole_images import context_windows, detail_stride
from daemon.hrda.network.hrda import HRDASegmentor, build_segmentor
from daemon.hrda.predict import model_of, score
from daemon.hrda.training.checkpoint import write_checkpoint
from daemon.runs.run_folder import ImageFile, PredictRequest, RunFolder

CLASSES = ("soil", "crop", "weed")
MIN_RATIO = 0.9


def picture(seed: int, width: int, height: int) -> Image.Image:
    """Blurred colours under a fine grain: about as hard to decode as a photograph."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 12, width // 12, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    grain = rng.normal(0, 6, (height, width, 1))
    return Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8))


def pool(folder: Path, kind: str, count: int) -> tuple[ImageFile, ...]:
    """Images of a kind, written as WIDTHxHEIGHT.SUFFIX; eight different ones, repeated."""
    size, suffix = kind.split(".")
    width, height = map(int, size.split("x"))
    for seed in range(min(8, count)):
        path = folder / f"{size}-{seed}.{suffix}"
        if not path.exists():
            picture(seed, width, height).save(path)
    return tuple(
        ImageFile(id=row, image=folder / f"{size}-{row % 8}.{suffix}") for row in range(count)
    )


def request(folder: Path, files: tuple[ImageFile, ...], options: Any) -> PredictRequest:
    """Score them with a model of random weights."""
    checkpoint = folder / "checkpoint.pth"
    if not checkpoint.exists():
        torch.manual_seed(0)
        changes = {"encoder_weights": "none", "width": 64, "precision": options.precision}
        net = build_segmentor(settings_of(changes), len(CLASSES)).eval()
        write_checkpoint(checkpoint, net, CLASSES)
    return PredictRequest(
        classes=CLASSES, checkpoint=checkpoint, threads=options.threads, score=files
    )


def bare(net: HRDASegmentor, kind: str, count: int) -> Callable[[], None]:
    """The forward passes that scoring `count` such images makes, on tensors that lie ready."""
    width, height = map(int, kind.split(".")[0].split("x"))
    together = min(queue_length(net), images_per_pass(net, height * width))
    height, width = (-(-side // GRID_PX) * GRID_PX for side in (height, width))
    x = torch.rand(min(count, together), 3, height, width, device=net.mean.device) * 255
    window = min(height, net.settings.detail_window_px) * min(width, net.settings.detail_window_px)
    chunk = min(net.chunk, images_per_pass(net, window))

    @torch.no_grad()
    def passes() -> None:
        net.chunk = chunk
        for first in range(0, count, together):
            some = x[: min(together, count - first)]
            for box in context_windows(net, height, width):
                net.slide_inference(
                    box.crop(some), net.settings.detail_window_px, detail_stride(net)
                )
        if x.is_cuda:
            torch.cuda.synchronize()

    return passes


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall_s, time.process_time() - cpu_s


def compare(folder: Path, kind: str, options: Any) -> dict[str, float]:
    """Medians over the rounds, the order within a round changing from one to the next."""
    count = options.images if int(kind.split("x")[0]) < 600 else max(4, options.images // 6)
    asked = request(folder, pool(folder, kind, count), options)
    net, run = model_of(asked), RunFolder(folder / "speed")
    run.path.mkdir(exist_ok=True)
    works = {
        "bare": bare(net, kind, count),
        "scoring": lambda: score(run, net, asked, FileReader(asked.score)),
    }
    for work in works.values():
        work()
    taken: dict[str, list[tuple[float, float]]] = {"bare": [], "scoring": []}
    for turn in range(options.rounds):
        for name in sorted(works, reverse=bool(turn % 2)):
            taken[name].append(timed(works[name]))
    each = {name: np.array(rows) for name, rows in taken.items()}  # (rounds, wall and CPU)
    wall, cpu = np.median(each["bare"] / each["scoring"], axis=0)
    told = {
        f"{name}_{unit}_ms": float(np.median(rows[:, column])) / count * 1e3
        for name, rows in each.items()
        for column, unit in enumerate(("wall", "cpu"))
    }
    figures = {"ratio_wall": float(wall), "ratio_cpu": float(cpu), **told}
    return {"images": count, **{name: round(value, 3) for name, value in figures.items()}}


def peak_mb(folder: Path, count: int, options: Any) -> float:
    """The most memory that a scoring process of `count` images had, MB."""
    run = RunFolder(folder / f"memory-{count}")
    run.write_request(request(folder, pool(folder, options.memory_kind, count), options))
    command = [sys.executable, "-m", "daemon.hrda", "predict", str(run.path)]
    with run.log.open("wb") as log:
        child = subprocess.Popen(command, stderr=log)
        _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"predict ended with {status}:\n{run.log.read_text()}")
    return usage.ru_maxrss / 1024


def main() -> int:
    """Print the JSON line; whether the targets hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = ["384x384.jpg", "384x384.png", "1296x966.jpg", "1296x966.png"]
    parser.add_argument("--kinds", nargs="*", default=kinds)
    parser.add_argument("--images", type=int, default=24, help="a round; a sixth of large ones")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--memory", type=int, nargs="*", default=[60, 240])
    parser.add_argument("--memory-kind", default="384x384.jpg")
    parser.add_argument("--growth", type=float, default=10.0, help="MB")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="maskloop-scoring-"))
    try:
        speed = {kind: compare(folder, kind, options) for kind in options.kinds}
        memory = {count: round(peak_mb(folder, count, options), 1) for count in options.memory}
    finally:
        shutil.rmtree(folder)
    grown = max(memory.values()) - memory[min(memory)] if memory else 0.0
    holds = (
        all(row["ratio_wall"] >= MIN_RATIO for row in speed.values()) and grown <= options.growth
    )
    print(
        json.dumps(
            {
                "holds": holds,
                "speed": speed,
                "peak_mb": memory,
                "threads": torch.get_num_threads(),
                "torch": torch.__version__,
                "load": round(os.getloadavg()[0], 1),
            }
        )
    )
    return int(not holds)


if __name__ == "__main__":
    sys.exit(main())

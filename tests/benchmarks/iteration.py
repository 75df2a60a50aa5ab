"""How fast one training iteration is, against the plain port of the published one.

    python -m tests.benchmarks.iteration [--threads 1] [--rounds 7] [--part maths|preset]

`maths`: the same step, to the same losses, at Supervisely's settings but for a small encoder,
decoder and crops. `preset`: the whole iteration of the `cpu` preset against the published one on
minibatches of the same size. Rounds are interleaved, so that both meet the same machine; what
is printed is one JSON line a part: medians of wall and CPU seconds, and their ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

from daemon.config.learner import Settings, settings_of
from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.device import infers_in_bf16
from daemon.hrda.learning.learner import Learner
from daemon.hrda.network.hrda import build_segmentor
from tests.hrda.plain.learner import PlainLearner
from tests.hrda.tiny import minibatch

SMALL = {
    "encoder": "efficientnet_lite0",
    "width": 64,
    "context_px": 256,
    "detail_px": 128,
    "window_px": 256,
    "detail_window_px": 128,
    "dropout": 0.0,  # else the two would draw differently
}
SIDE = 256
CPU = torch.device("cpu")


def build_learner(settings: Settings) -> Learner:
    torch.manual_seed(0)
    student = build_segmentor(settings, 3)
    student.load_imagenet()
    one = Learner(student, settings, torch.tensor([0.95, 0.04, 0.01]), torch.full((3,), 8.0))
    one.teacher.net.bf16 = infers_in_bf16(settings, CPU)
    return one


def crops(labeled: int, unlabeled: int) -> Minibatch:
    full = minibatch(0, images=labeled, side=SIDE)
    return Minibatch(
        image=full.image,
        label=full.label,
        unlabeled=full.unlabeled[:unlabeled].contiguous(),
        valid=full.valid[:unlabeled],
    )


def same_maths(rounds: int) -> dict[str, Any]:
    settings = settings_of({"preset": "supervisely", **SMALL})
    ours = build_learner(settings)
    ours.student.encoder.drop_connect = 0.0
    plain, batch = PlainLearner(ours.student), crops(2, 2)
    gaps = []

    def step(one: Learner | PlainLearner, iteration: int) -> dict[str, float]:
        seed_all(iteration)
        return one.step(batch, iteration)

    first, second = step(ours, 0), step(plain, 0)
    gaps = [abs(first[name] / value - 1) for name, value in second.items()]
    timed = interleaved(lambda i: step(ours, i), lambda i: step(plain, i), rounds)
    return {"part": "maths", "largest_loss_gap": max(gaps), **timed}


def whole_preset(rounds: int) -> dict[str, Any]:
    settings = settings_of({})
    changes = {**SMALL, "dropout": settings.dropout, "minibatch": settings.minibatch}
    published = settings_of({"preset": "supervisely", **changes})
    ours, plain = build_learner(settings), PlainLearner(build_learner(published).student)
    batch = crops(settings.minibatch, settings.unlabeled_minibatch)
    late = settings.iterations - 50  # the unlabeled weight is whole

    def run(one: Learner | PlainLearner) -> Callable[[int], object]:
        return lambda iteration: one.step(batch, late + iteration)

    return {"part": "preset", **interleaved(run(ours), run(plain), rounds)}


def interleaved(
    ours: Callable[[int], object], plain: Callable[[int], object], rounds: int
) -> dict[str, Any]:
    """Medians of each and the ratios plain / ours, after one round to get warm."""
    seconds: dict[str, list[tuple[float, float]]] = {"ours": [], "plain": []}
    for row in range(rounds + 1):
        for name, step in (("ours", ours), ("plain", plain)):
            wall, cpu = time.perf_counter(), time.process_time()
            step(row + 1)
            seconds[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    found: dict[str, Any] = {"rounds": rounds, "threads": torch.get_num_threads()}
    for column, clock in enumerate(("wall", "cpu")):
        for name, pairs in seconds.items():
            found[f"{name}_{clock}_s"] = statistics.median(pair[column] for pair in pairs[1:])
        found[f"ratio_{clock}"] = found[f"plain_{clock}_s"] / found[f"ours_{clock}_s"]
    return {key: round(v, 6) if isinstance(v, float) else v for key, v in found.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--part", choices=("maths", "preset"), action="append")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    parts = {"maths": same_maths, "preset": whole_preset}
    for name in chosen.part or parts:
        print(json.dumps(parts[name](chosen.rounds)))

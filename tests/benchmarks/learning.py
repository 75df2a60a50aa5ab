"""What the learner learns: runs of `maskloop train` on a folder of images/, masks/, splits.json.

    python tests/benchmarks/learning.py pairs SOY --out DIR      # semi, supervised
    python tests/benchmarks/learning.py ablation SOY --out DIR   # leave one out
    python tests/benchmarks/learning.py reference SOY --out DIR  # all labels
    python tests/benchmarks/learning.py published SOY --out DIR  # preset against it

SOY is the folder. A run whose folder in DIR has a result.json is not run again, so the same command
resumes, and prints the table of what is there. Two workers with one thread each. In `pairs` both
methods get the same labels, seed and CPU seconds: supervised iterations are cheaper, so it gets
more of them, by a rate that two short runs measure first. In `published` the `cpu` preset meets
the published method (Supervisely's settings; encoder, decoder, crops, minibatch and rate of `cpu`,
for neither 25 000 iterations nor crops of 640 are at hand), which gets half as many iterations: by
the cost of one some 1.4 times the CPU seconds. The better of its student and
teacher counts.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

MASKLOOP = Path(sys.executable).with_name("maskloop")
SETS: Mapping[str, Sequence[str]] = {
    "all of it": (),
    "one confidence for all classes": ("pseudo_weight=batch",),
    "published ClassMix, no CutMix": ("mix_classes=all", "class_mix=1.0"),
    "whole images instead of crops": ("framing=fit", "rare_class=0.0"),
    "teacher without averaging": ("alpha=0.0",),
    "no start, no ramp": ("unlabeled_start=0.0", "unlabeled_ramp=0.0"),
    "no unlabeled images": ("unlabeled_weight=0.0",),
}
INDICATIVE: Mapping[str, Sequence[str]] = {
    "no Dice": ("dice_loss=0.0",),
    "no class weights": ("class_balance=0.0",),
    "no prior alignment": ("prior_alignment=0.0",),
    "no rare-class crops": ("rare_class=0.0",),
    "no turns": ("turns=none",),
    "no detail loss": ("detail_loss=0.0",),
    "constant attention": ("fixed_attention=0.5",),
    "with masked consistency": ("masked_weight=1.0",),
}
PUBLISHED = (  # on the preset `supervisely`
    *("encoder=efficientnet_lite0", "width=64", "context_px=256", "detail_px=128"),
    *("window_px=512", "detail_window_px=128", "minibatch=4", "unlabeled_minibatch=4"),
    *("learning_rate=0.002", "head_rate=3"),
)


@dataclass(frozen=True)
class Run:
    """One `maskloop train`. labels: a number, or "pool" for all of them."""

    name: str
    method: str
    labels: int | str
    seed: int
    iterations: int
    sets: tuple[str, ...] = field(default=())
    preset: str = "cpu"


def main() -> None:
    options = _options()
    tasks = {
        "pairs": _pairs,
        "ablation": _ablation,
        "reference": _reference,
        "published": _published,
    }
    tasks[options.what](options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("pairs", "ablation", "reference", "published"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--classes", default="soil,crop,weed")
    parser.add_argument("--labels", default="16x5,64x3", help="pairs: LABELSxSEEDS")
    parser.add_argument("--iterations", type=int, default=600, help="of hrda")
    parser.add_argument("--seeds", default="0,1,2", help="ablation, published: whose label sets")
    parser.add_argument("--leave-out-only", action="store_true", help="no one-seed rows")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--set", dest="sets", action="append", default=[], help="for every run")
    return parser.parse_args()


def _pairs(options: argparse.Namespace) -> None:
    counts = [text.split("x") for text in options.labels.split(",")]
    cases = [(int(labels), seed) for labels, seeds in counts for seed in range(int(seeds))]
    start_s, rate_s = _rate(options)
    ours = [_run("hrda", labels, seed, options.iterations) for labels, seed in cases]
    found = _all(options, ours)
    theirs = []
    for (labels, seed), result in zip(cases, found, strict=True):
        count = max(1, round((result["cpu_seconds"] - start_s) / rate_s))
        theirs.append(_run("supervised", labels, seed, count))
    for labels in dict.fromkeys(labels for labels, _ in cases):
        rows = [row for row, case in enumerate(cases) if case[0] == labels]
        others = _all(options, [theirs[row] for row in rows])
        _show_pairs(labels, [found[row] for row in rows], others)


def _run(method: str, labels: int | str, seed: int, iterations: int) -> Run:
    return Run(f"{method}-{labels}-{seed}-{iterations}", method, labels, seed, iterations)


def _rate(options: argparse.Namespace) -> tuple[float, float]:
    """CPU seconds of a supervised training's start and of one of its iterations."""
    short = [Run(f"rate-{count}", "supervised", 16, 0, count) for count in (20, 80)]
    few, many = (result["cpu_seconds"] for result in _all(options, short))
    rate_s = (many - few) / 60
    return few - 20 * rate_s, rate_s


def _show_pairs(labels: int, ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    gains = [a["miou"] - b["miou"] for a, b in zip(ours, theirs, strict=True)]
    for seed, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        rare = [min(v for v in r["iou"].values() if v is not None) for r in (a, b)]
        print(
            f"{labels} labels, seed {seed}: hrda {a['miou']:.3f} (rarest {rare[0]:.3f}, "
            f"{a['cpu_seconds']:.0f} CPU s), supervised {b['miou']:.3f} (rarest {rare[1]:.3f}, "
            f"{b['cpu_seconds']:.0f} CPU s, {b['iterations']} iterations), gain {gains[seed]:+.3f}"
        )
    spread = f" +- {np.std(gains, ddof=1):.3f}" if len(gains) > 1 else ""
    print(f"{labels} labels: mean gain {np.mean(gains):+.4f}{spread}, least {min(gains):+.3f}")


def _ablation(options: argparse.Namespace) -> None:
    count, seeds = options.iterations, [int(text) for text in options.seeds.split(",")]
    runs = {
        what: [
            _without(what, s, seed, count) if s else _run("hrda", 16, seed, count)
            for seed in (seeds if what in SETS else seeds[:1])
        ]
        for what, s in {**SETS, **({} if options.leave_out_only else INDICATIVE)}.items()
    }
    flat = iter(_all(options, [run for some in runs.values() for run in some]))
    miou = {what: [next(flat)["miou"] for _ in some] for what, some in runs.items()}
    full = miou["all of it"]
    for what, values in miou.items():
        gaps = [value - whole for value, whole in zip(values, full, strict=False)]
        words = "  ".join(f"{value:.3f}" for value in values)
        note = "" if what in SETS else "  (one seed: indicative)"
        print(f"{what:32s} {words}  mean change {np.mean(gaps):+.3f}{note}")


def _without(what: str, sets: Sequence[str], seed: int, iterations: int) -> Run:
    name = f"ablation-{what.replace(' ', '_')}-{seed}-{iterations}"
    return Run(name, "hrda", 16, seed, iterations, tuple(sets))


def _reference(options: argparse.Namespace) -> None:
    runs = [_run(method, "pool", 0, options.iterations) for method in ("hrda", "segformer")]
    for run, result in zip(runs, _all(options, runs), strict=True):
        low, high = result["miou_interval"] or (math.nan, math.nan)
        iou = {name: round(value, 3) for name, value in result["iou"].items()}
        print(f"{run.name}: {result['miou']:.4f} ({low:.3f} to {high:.3f}) {iou}")


def _published(options: argparse.Namespace) -> None:
    seeds = [int(text) for text in options.seeds.split(",")]
    half = options.iterations // 2
    theirs = [
        Run(f"published-{seed}-{half}", "hrda", 16, seed, half, PUBLISHED, "supervisely")
        for seed in seeds
    ]
    ours = [_run("hrda", 16, seed, options.iterations) for seed in seeds]
    found = _all(options, [*ours, *theirs])
    for seed, a, b in zip(seeds, found, found[len(ours) :], strict=False):
        print(
            f"seed {seed}: cpu {a['miou']:.3f} in {a['cpu_seconds']:.0f} CPU s, "
            f"published {max(b['miou'], b['student']['miou']):.3f} in {b['cpu_seconds']:.0f} CPU s "
            f"({b['cpu_seconds'] / a['cpu_seconds']:.2f} times)"
        )


def _all(options: argparse.Namespace, runs: Sequence[Run]) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(options.workers) as pool:
        return list(pool.map(lambda run: _result(options, run), runs))


def _result(options: argparse.Namespace, run: Run) -> dict[str, Any]:
    """Its result.json; the run is done, or gone on with, where that is missing."""
    folder, splits = options.out / run.name, options.folder / "splits.json"
    if not (folder / "result.json").exists():
        all_labels = run.labels == "pool"
        command = [
            *(str(MASKLOOP), "train", "--images", options.folder / "images"),
            *("--masks", options.folder / "masks", "--classes", options.classes),
            *("--labeled", f"{splits}:pool" if all_labels else run.labels),
            *("--unlabeled", "none" if all_labels else f"{splits}:pool"),
            *("--test", f"{splits}:test", "--method", run.method, "--seed", run.seed),
            *("--preset", run.preset, "--iterations", run.iterations),
            *("--threads", 1, "--measure", "teacher" if run.preset == "cpu" else "both"),
            *(part for text in (*run.sets, *options.sets) for part in ("--set", text)),
            *("--out", folder),
        ]
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{run.name}: exit {done.returncode}: {done.stderr[-2000:]}")
        print(f"# {run.name} done", flush=True)
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return result


if __name__ == "__main__":
    main()

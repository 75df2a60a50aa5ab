"""Train on a plain folder (images/, masks/, splits.json) and print what the test set says.

    .venv/bin/python tests/benchmarks/learner.py ../shared/data/soy --classes soil,crop,weed \
        --labels 76 --validation 20 --seed 0 --test-every 2 -s iterations=300

Names starting with a dash or not, one line of JSON a run; the run folders stay in --out.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from daemon.runs import (
    EmbedRequest,
    ImageFile,
    LabeledFile,
    PredictRequest,
    PredictResult,
    Request,
    RunFolder,
    TrainRequest,
    TrainResult,
)


def main() -> None:
    options = _options()
    names = json.loads((options.folder / "splits.json").read_text())
    images = [_labeled(options.folder, name, row) for row, name in enumerate(names["pool"])]
    test = [_labeled(options.folder, name, 10**6 + row) for row, name in enumerate(names["test"])]
    order = np.random.default_rng(options.seed).permutation(len(images))
    validation = [images[row] for row in order[: options.validation]]
    rest = [images[row] for row in order[options.validation :]]
    if options.diverse:
        rest = _diverse(options, rest)
    labeled, unlabeled = rest[: options.labels], rest[options.labels :]
    shared = _shared(options)
    out = options.out / options.name
    started_s = time.monotonic()
    request = TrainRequest(
        labeled=tuple(labeled),
        validation=tuple(validation),
        unlabeled=tuple(ImageFile(id=f.id, image=f.image) for f in unlabeled),
        parent=options.parent,
        **shared,
    )
    trained = _run("train", RunFolder(out / "train"), request).read_result(TrainResult)
    train_s = time.monotonic() - started_s
    predict = PredictRequest(
        checkpoint=out / "train" / "checkpoint.pth",
        test=tuple(test[:: options.test_every]),
        **shared,
    )
    result = _run("predict", RunFolder(out / "predict"), predict).read_result(PredictResult)
    _print(options, trained, result, train_s)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classes", default="soil,crop,weed")
    parser.add_argument("--labels", type=int, default=76)
    parser.add_argument("--validation", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the label set and the training")
    parser.add_argument("--diverse", action="store_true", help="greedy k-center of `embed`")
    parser.add_argument("--test-every", type=int, default=1)
    parser.add_argument("--parent", type=Path)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, default=Path(tempfile.gettempdir()) / "maskloop-learner"
    )
    parser.add_argument("--name", default="run")
    parser.add_argument("-s", action="append", default=[], help="a setting, NAME=VALUE")
    return parser.parse_args()


def _shared(options: argparse.Namespace) -> dict[str, Any]:
    settings = {}
    for text in options.s:
        name, value = text.split("=", 1)
        try:
            settings[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            settings[name] = value
    return {
        "classes": tuple(options.classes.split(",")),
        "seed": options.seed,
        "threads": options.threads,
        "settings": settings,
    }


def _labeled(folder: Path, name: str, row: int) -> LabeledFile:
    folder = folder.absolute()
    image = next(iter(sorted((folder / "images").glob(f"{name}.*"))))
    return LabeledFile(id=row, image=image, mask=folder / "masks" / f"{name}.png")


def _diverse(options: argparse.Namespace, files: list[LabeledFile]) -> list[LabeledFile]:
    """The files in greedy k-center order, the first `labels` of them."""
    request = EmbedRequest(
        images=tuple(ImageFile(id=f.id, image=f.image) for f in files),
        classes=tuple(options.classes.split(",")),
    )
    folder = _run("embed", RunFolder(options.out / f"embed-{options.seed}"), request)
    rows = folder.read_scores().embeddings
    gap = 1 - rows @ rows[0]
    chosen = [0]
    for _ in range(options.labels - 1):
        chosen.append(int(gap.argmax()))
        gap = np.minimum(gap, 1 - rows @ rows[chosen[-1]])
    others = [row for row in range(len(files)) if row not in set(chosen)]
    return [files[row] for row in chosen + others]


def _run(verb: str, folder: RunFolder, request: Request) -> RunFolder:
    folder.write_request(request)
    with folder.log.open("a") as log:
        command = [sys.executable, "-m", "daemon.hrda", verb, str(folder.path)]
        code = subprocess.run(command, stdout=log, stderr=log, check=False, env={**os.environ})
    if code.returncode:
        sys.exit(f"{verb}: exit {code.returncode}: {folder.log.read_text()[-2000:]}")
    return folder


def _print(
    options: argparse.Namespace, trained: TrainResult, result: PredictResult, train_s: float
) -> None:
    line = {
        "name": options.name,
        "seed": options.seed,
        "labels": options.labels,
        "settings": options.s,
        "train_s": round(train_s),
        "predict_s": round(result.seconds),
        "validation": trained.validation
        and _short(trained.validation.miou, trained.validation.iou),
        "test": result.test and _short(result.test.miou, result.test.iou),
        "interval": result.test and result.test.miou_interval,
        "skipped": trained.counters["skipped"],
    }
    print(json.dumps(line))


def _short(miou: float | None, iou: Any) -> str:
    parts = " ".join(f"{name} {value:.3f}" for name, value in iou.items() if value is not None)
    return f"{miou:.3f} ({parts})"


if __name__ == "__main__":
    main()

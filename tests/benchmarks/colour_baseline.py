"""Compare a demo's last model with a logistic regression on RGB, trained on the same labels.

    maskloop demo --dir DIR --cycles 3 --exit
    python tests/benchmarks/colour_baseline.py DIR

Reads the requests of the last training and scoring run in DIR, fits one regression as it is and
one with balanced classes on every pixel sample of the same labeled images, and measures both on
the same validation and test images. Exit 0 when the stronger one stays at least 0.15 mIoU below
the model on each of them: then colour alone does not solve the task.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.linear_model import LogisticRegression

from daemon.config.loading import load_config
from daemon.domain import IGNORE
from daemon.runs.run_folder import LabeledFile, PredictRequest, RunFolder, TrainRequest
from tests.fakes.status_json import status_json

MARGIN = 0.15
PIXELS = 4000  # an image
SEED = 0


def load(file: LabeledFile) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
    """Colours (N, 3) in [0, 1] and labels (N,) of an image's labeled pixels."""
    colours = np.asarray(Image.open(file.image).convert("RGB")).reshape(-1, 3) / 255
    labels = np.asarray(Image.open(file.mask)).ravel()
    return colours[labels != IGNORE], labels[labels != IGNORE]


def fit(files: Sequence[LabeledFile], balance: str | None) -> LogisticRegression:
    """A regression on a sample of each image's pixels."""
    rng = np.random.default_rng(SEED)
    colours, labels = [], []
    for file in files:
        x, y = load(file)
        chosen = rng.choice(len(y), min(PIXELS, len(y)), replace=False)
        colours.append(x[chosen])
        labels.append(y[chosen])
    model = LogisticRegression(class_weight=balance, max_iter=1000)
    return model.fit(np.concatenate(colours), np.concatenate(labels))


def miou(model: LogisticRegression, files: Iterable[LabeledFile], classes: int) -> float:
    """Mean IoU of the summed confusion matrix over the classes that the truth holds."""
    confusion = np.zeros(classes * classes)
    for file in files:
        x, y = load(file)
        confusion += np.bincount(y * classes + model.predict(x), minlength=classes * classes)
    table = confusion.reshape(classes, classes)  # (truth, prediction)
    present = table.sum(axis=1) > 0
    union = table.sum(axis=0) + table.sum(axis=1) - np.diag(table)
    return float((np.diag(table)[present] / union[present]).mean())


def main() -> int:
    """Print the comparison and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    config = load_config(folder / "config.toml")
    last = status_json(config)["evaluations"][-1]
    run = f"{last['cycle']:04d}"
    training = RunFolder(config.state / "runs" / f"{run}-train").read_request(TrainRequest)
    scoring = RunFolder(config.state / "runs" / f"{run}-score").read_request(PredictRequest)
    models = {str(balance): fit(training.labeled, balance) for balance in (None, "balanced")}
    worst = np.inf
    for split, files in (("", training.validation), ("test_", scoring.test)):
        if not files:
            continue
        found = {
            name: miou(model, files, len(config.classes.names)) for name, model in models.items()
        }
        gap = last[f"{split}miou"] - max(found.values())
        worst = min(worst, gap)
        told = ", ".join(f"class_weight={name} {value:.3f}" for name, value in found.items())
        print(
            f"{split.rstrip('_') or 'validation'}: cycle {last['cycle']} with {last['labels']} "
            f"labels {last[f'{split}miou']:.3f}; regression on RGB: {told}; gap {gap:.3f}"
        )
    print(f"verdict: {'holds' if worst >= MARGIN else 'FAULT'}, smallest gap {worst:.3f}")
    return int(worst < MARGIN)


if __name__ == "__main__":
    sys.exit(main())

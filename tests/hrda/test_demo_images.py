"""The learner on the demo's field images sees what colour alone cannot tell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from daemon.demo.field import CLASSES, write_field
from daemon.runs.run_folder import (
    LabeledFile,
    PredictRequest,
    PredictResult,
    RunFolder,
    TrainRequest,
)
from tests.benchmarks.colour_baseline import fit, miou

ITERATIONS = 60  # a fifth of the preset's
LABELS, HELD_OUT = 48, 16


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("field")
    write_field(folder, np.random.default_rng(3), pool=LABELS, test=HELD_OUT)
    return folder


def files(field: Path, split: str) -> tuple[LabeledFile, ...]:
    names = json.loads((field / "splits.json").read_text())[split]
    return tuple(
        LabeledFile(
            id=row, image=field / "images" / f"{name}.jpg", mask=field / "masks" / f"{name}.png"
        )
        for row, name in enumerate(names)
    )


def run(folder: RunFolder, command: str) -> None:
    subprocess.run([sys.executable, "-m", "daemon.hrda", command, str(folder.path)], check=True)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_learner_is_far_better_than_a_regression_on_colour(field: Path) -> None:
    training, scoring = RunFolder(field / "train"), RunFolder(field / "predict")
    labeled, held_out = files(field, "pool"), files(field, "test")
    training.write_request(
        TrainRequest(classes=CLASSES, labeled=labeled, settings={"iterations": ITERATIONS})
    )
    run(training, "train")
    scoring.write_request(
        PredictRequest(classes=CLASSES, checkpoint=training.checkpoint, test=held_out)
    )
    run(scoring, "predict")
    evaluation = scoring.read_result(PredictResult).test
    regressions = [miou(fit(labeled, b), held_out, len(CLASSES)) for b in (None, "balanced")]

    assert evaluation is not None
    assert evaluation.miou is not None
    assert evaluation.miou >= max(regressions) + 0.15, (evaluation, regressions)

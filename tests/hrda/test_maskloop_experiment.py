"""`maskloop experiment` with its real child processes, on small painted fields."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.runs.run_folder import RunFolder
from tests.hrda.tiny import CHANGES, CLASSES, field

RECIPE = """
[data]
classes = [{classes}]

[lists]
test = "test.txt"

[sample]
n = 4
similarity = 1.0

[training]
seeds = [3]
device = "cpu"
threads = 1
settings = {{ {settings} }}

[arms.hrda]
method = "hrda"

[arms.segformer]
method = "segformer"

[report]
reference = "segformer"
pictures = 1
"""


def write_home(home: Path) -> Path:
    for name in ("images", "masks"):
        (home / name).mkdir(parents=True)
    for row in range(12):
        image, mask = field(np.random.default_rng(row), 64)
        Image.fromarray(image).save(home / f"images/{row:02}.png")
        Image.fromarray(mask).save(home / f"masks/{row:02}.png")
    (home / "test.txt").write_text("08\n09\n10\n11\n")
    settings = {**CHANGES, "unlabeled_start": 0.0, "iterations": 100}
    recipe = RECIPE.format(
        classes=", ".join(f'"{name}"' for name in CLASSES),
        settings=", ".join(f"{name} = {json.dumps(value)}" for name, value in settings.items()),
    )
    (home / "recipe.toml").write_text(recipe)
    return home / "recipe.toml"


def start(recipe: Path) -> subprocess.Popen[bytes]:
    words = ("experiment", str(recipe), "--out", str(recipe.parent / "out"))
    return subprocess.Popen([sys.executable, "-m", "daemon.cli", *words])


def wait_for_iterations(run: RunFolder, least: int) -> None:
    end_s = time.monotonic() + 300
    while time.monotonic() < end_s:
        now = run.read_progress()
        if run.finished():  # the moment was missed
            return
        if now and now.phase == "training" and now.step >= least:
            return
        time.sleep(0.02)
    pytest.fail(f"{run.path}: did not reach iteration {least}")


@pytest.mark.long
@pytest.mark.timeout(1200)  # 30 CPU seconds
def test_an_experiment_goes_on_after_ctrl_c_and_after_a_kill(tmp_path: Path) -> None:
    recipe = write_home(tmp_path)
    out = tmp_path / "out"

    with start(recipe) as first:
        wait_for_iterations(RunFolder(out / "arms/hrda/seed-3/train"), 1)
        first.send_signal(signal.SIGINT)
        interrupted = first.wait(240)
    train = RunFolder(out / "arms/hrda/seed-3/train")
    saved = train.resume.exists() or train.finished()  # on a slow machine it has ended meanwhile
    with start(recipe) as second:
        wait_for_iterations(RunFolder(out / "arms/segformer/seed-3/train"), 1)
        second.kill()
    with start(recipe) as third:
        ended = third.wait(600)

    assert (interrupted, saved, ended) == (130, True, 0)
    found = json.loads((out / "report.json").read_text())
    assert found["complete"]
    assert [(run["arm"], run["iterations"]) for run in found["runs"]] == [
        ("hrda", 100),
        ("segformer", 100),
    ]
    for run in found["runs"]:
        assert 1 <= run["losses"][-1]["iteration"] <= 100
        assert run["cpu_seconds"] > 1
        assert 0 <= run["miou"] <= 1
    page = (out / "report.html").read_text()
    assert page.count("data:image/") == 3 * (2 + 2 * 2)
    assert '<polyline class="mixed"' in page  # HRDA learned from the pool

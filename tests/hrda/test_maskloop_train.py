"""`maskloop train` on plain folders, with its real child processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from daemon.cli import commands
from daemon.hrda.__main__ import main
from daemon.runs.run_folder import (
    LabeledFile,
    PredictRequest,
    PredictResult,
    RunFolder,
    TrainRequest,
)
from daemon.runs.run_process import DONE
from tests.hrda.tiny import CHANGES, CLASSES, field


@pytest.fixture(autouse=True)
def quiet() -> Any:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
    torch.set_num_threads(1)


def write_folders(root: Path) -> Path:
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    for row in range(10):
        image, mask = field(np.random.default_rng(row), 64)
        Image.fromarray(image).save(root / f"images/{row}.png")
        Image.fromarray(mask).save(root / f"masks/{row}.png")
    (root / "test.txt").write_text("8\n9\n")
    (root / "classes.txt").write_text("\n".join(CLASSES))
    return root


def command(root: Path, **changes: object) -> list[str]:
    given = {
        "images": root / "images",
        "masks": root / "masks",
        "labeled": 5,
        "val": 2,
        "unlabeled": "all",
        "test": root / "test.txt",
        "seed": 3,
        "threads": 1,
        "out": root / "out",
        **changes,
    }
    words = [part for name, value in given.items() for part in (f"--{name}", str(value))]
    settings = {**CHANGES, "unlabeled_start": 0.0}
    return ["train", *words, *(p for n, v in settings.items() for p in ("--set", f"{n}={v}"))]


def weights(file: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(file, weights_only=True)["weights"]
    return found


def test_test_masks_are_opened_after_training_and_change_nothing_of_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_folders(tmp_path / "field")
    mask = root / "masks/8.png"
    truth = mask.read_bytes()
    mask.write_bytes(b"not opened before the end of the training")

    assert commands.main(command(root)) == 1

    assert "masks/8.png" in capsys.readouterr().err
    train = RunFolder(root / "out/train")
    assert train.finished()
    assert "masks/8.png" not in train.request_file.read_text()
    trained = train.checkpoint.stat()

    mask.write_bytes(truth)
    assert commands.main(command(root)) == 0  # goes on with the measuring

    assert train.checkpoint.stat() == trained
    again = RunFolder(tmp_path / "again")
    again.write_request(train.read_request(TrainRequest))
    mask.write_bytes((root / "masks/0.png").read_bytes())
    assert main(["train", str(again.path)]) == DONE
    ours, theirs = weights(train.checkpoint), weights(again.checkpoint)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
    check_result(root / "out", json.loads((root / "out/result.json").read_text()))
    check_other_request(root, capsys)


def check_result(out: Path, found: dict[str, Any]) -> None:
    """result.json holds what was promised, and the figures of the run folders."""
    tested = RunFolder(out / "predict").read_result(PredictResult)
    assert tested.test is not None
    assert tested.student is not None
    assert found["miou"] == tested.test.miou == found["teacher"]["miou"]
    assert found["student"]["miou"] == tested.student.miou
    assert set(found["iou"]) == set(found["boundary_iou"]) == set(CLASSES)
    assert np.shape(found["confusion"]) == (3, 3)
    assert np.sum(found["confusion"]) == 2 * 64 * 64
    assert 0 < found["image_miou"] <= 1
    assert found["miou_interval"] is None
    assert found["missing"]["miou_interval"]["why"] == "few_images"
    assert found["interval_words"] == "no interval: 2 images; no method is right with fewer than 8"
    assert found["faults"] == []
    fitted = found["validation"]["teacher"]["calibration"]
    assert found["calibration"]["temperature"] == fitted["temperature"]
    assert fitted["ece_scaled"] is None
    assert found["calibration"]["ece_scaled"] is not None
    other = found["validation"]["student"]["calibration"]["temperature"]
    assert found["student"]["calibration"]["temperature"] == other
    assert found["labels"] == 5
    assert found["counts"] == {"labeled": 3, "validation": 2, "unlabeled": 3, "test": 2}
    assert len(found["labeled_ids"]) == 3
    assert found["settings"]["width"] == 8
    assert found["iterations"] == 4
    for name in ("seconds", "cpu_seconds", "test_cpu_seconds", "images_per_second"):
        assert found[name] > 0
    assert 100 * 2**20 < found["peak_memory_bytes"] < 16 * 2**30
    assert "torch" in found["versions"]


def check_other_request(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A finished folder shows its table again, and refuses another request."""
    capsys.readouterr()
    assert commands.main(command(root)) == 0
    assert "teacher" in capsys.readouterr().out
    assert commands.main(command(root, seed=4)) == 1
    assert "differs in labeled, seed" in capsys.readouterr().err


def test_sigterm_saves_and_leaves(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "field")
    train = RunFolder(root / "out/train")
    line = [*command(root), "--set", "iterations=100000", "--set", "save_every_s=1e9"]
    child = subprocess.Popen(
        [sys.executable, "-m", "daemon.cli", *line],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    end = time.monotonic() + 240
    while not ((now := train.read_progress()) and now.step > 0):
        assert time.monotonic() < end, "the first iteration took over 240 s"
        time.sleep(0.05)

    child.terminate()

    _, said = child.communicate(timeout=240)
    assert child.returncode == 130
    assert "the same command resumes" in said
    assert train.resume.exists()
    assert train.holder() is None
    assert json.loads((train.path / "usage.json").read_text())["cpu_seconds"] > 1


def test_the_reference_is_trained_and_measured_like_hrda(tmp_path: Path) -> None:
    root = write_folders(tmp_path / "field")
    files = tuple(
        LabeledFile(id=row, image=root / f"images/{row}.png", mask=root / f"masks/{row}.png")
        for row in range(4)
    )
    train, predict = RunFolder(tmp_path / "train"), RunFolder(tmp_path / "predict")
    shared: dict[str, Any] = {
        "classes": CLASSES,
        "device": "cpu",
        "threads": 1,
        "settings": {**CHANGES, "method": "segformer"},
    }
    train.write_request(TrainRequest(labeled=files[:2], unlabeled=files[2:], **shared))

    assert main(["train", str(train.path)]) == DONE
    predict.write_request(PredictRequest(checkpoint=train.checkpoint, test=files[2:], **shared))
    assert main(["predict", str(predict.path)]) == DONE

    names = set(weights(train.checkpoint))
    assert not any(name.startswith("attention.") for name in names)
    assert any(name.startswith("decoder.fusion_conv.") for name in names)
    found = predict.read_result(PredictResult)
    assert found.test is not None
    assert found.test.miou is not None
    assert found.student is None

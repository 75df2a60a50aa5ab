"""Trainings as processes: stopped and resumed; several at once on one device."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from daemon.runs.run_folder import RunFolder, TrainResult
from tests.benchmarks.gpu_machine import Machine, Row

WAIT_S = 120.0


def resume(machine: Machine) -> Iterator[Row]:
    """A training that SIGTERM stops and that goes on, against one that nobody stops."""
    iterations = 6 if machine.quick else 60
    whole, stopped = (_folder(machine, name, iterations) for name in ("whole", "stopped"))
    _train(whole).wait(WAIT_S)
    child = _train(stopped)
    if _wait_for(stopped, iterations // 3):
        child.send_signal(signal.SIGTERM)
    code = child.wait(WAIT_S)
    yield Row(what="exit code at SIGTERM", value=float(code), unit="", must="143")
    again = _train(stopped).wait(WAIT_S)
    yield Row(what="exit code of the same run afterwards", value=float(again), unit="", must="0")
    first, second = (_weights(folder) for folder in (whole, stopped))
    gap = max(float((a - second[name]).abs().max()) for name, a in first.items())
    yield Row(what="largest difference of a weight", value=gap, unit="", must="0 if deterministic")


def several_models(machine: Machine) -> Iterator[Row]:
    """Iterations a second of 1, 4, 8 and 12 trainings at once, of preset cpu."""
    iterations = 4 if machine.quick else 120
    alone = 0.0
    for count in (1, 2) if machine.quick else (1, 4, 8, 12):
        names = [f"{count}-{row}" for row in range(count)]
        folders = [_folder(machine, name, iterations) for name in names]
        children = [_train(folder) for folder in folders]
        for child in children:
            child.wait(WAIT_S)
        rates = [_rate(folder) for folder in folders]
        together = sum(rates)
        alone = alone or together
        what = f"{count} trainings at once: iterations of all"
        yield Row(what=what, value=together, unit="a second")
        yield Row(what=f"{count} at once against one", value=together / alone, unit="times")


def _folder(machine: Machine, name: str, iterations: int) -> RunFolder:
    folder = RunFolder(machine.folder / name)
    folder.write_request(machine.request(preset="cpu", iterations=iterations, save_every_s=1.0))
    return folder


def _train(folder: RunFolder) -> subprocess.Popen[bytes]:
    with folder.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "daemon.hrda", "train", str(folder.path)],
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )


def _wait_for(folder: RunFolder, step: int) -> bool:
    """Whether the training has come to this iteration before its end."""
    until_s = time.monotonic() + WAIT_S
    while time.monotonic() < until_s and not folder.finished():
        now = folder.read_progress()
        if now and now.phase == "training" and now.step >= step:
            return True
        time.sleep(0.02)
    return False


def _rate(folder: RunFolder) -> float:
    """Iterations a second of a finished training, its start included."""
    result = folder.read_result(TrainResult)
    return result.iterations / result.seconds


def _weights(folder: RunFolder) -> dict[str, torch.Tensor]:
    content = torch.load(folder.checkpoint, map_location="cpu", weights_only=True)
    return {name: t.float() for name, t in content["weights"].items()}

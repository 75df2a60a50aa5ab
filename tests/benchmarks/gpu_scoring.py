"""Scoring from JPEG files against the bare network and against decoding alone."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import torch

from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.data.image_files import read_image
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.predict import model_of, score
from daemon.hrda.training.checkpoint import write_checkpoint
from daemon.runs.run_folder import PredictRequest, RunFolder
from tests.benchmarks.gpu_machine import SIDE_PX, Machine, Row
from tests.hrda.tiny import CLASSES

PASSES = (1, 2, 4, 8, 16, 32, 64)


def scoring(machine: Machine) -> Iterator[Row]:
    """Images a second: decoding, the bare network at its best pass, scoring as the daemon does."""
    one, _ = machine.learner(preset="cpu")
    path = machine.folder / "checkpoint.pth"
    write_checkpoint(path, one.teacher.net, CLASSES)
    request = PredictRequest(
        classes=CLASSES, checkpoint=path, score=machine.pool, device=str(machine.device)
    )
    net = model_of(request)
    decoded = _decoded_per_second(machine)
    yield Row(what="decoding alone, all cores", value=decoded, unit="images/s")
    best = 0.0
    for count in PASSES[: 3 if machine.quick else None]:
        bare = _bare_per_second(machine, net, count)
        best = max(best, bare)
        yield Row(what=f"the bare network, passes of {count}", value=bare, unit="images/s")
    folder = RunFolder(machine.folder / "score")
    folder.path.mkdir()
    net = model_of(request)
    started_s = time.perf_counter()
    score(folder, net, request, FileReader(request.score))
    found = len(machine.pool) / (time.perf_counter() - started_s)
    yield Row(what="scoring from files", value=found, unit="images/s")
    ratio = found / min(best, decoded)
    yield Row(what="against the slower of both", value=ratio, unit="", must=">= 0.6")


def _bare_per_second(machine: Machine, net: Segmentor, count: int) -> float:
    """Images a second that lie on the device already, so many in a pass."""
    net.chunk = 10_000
    image = torch.full((count, 3, SIDE_PX, SIDE_PX), 100.0, device=machine.device)
    window = net.settings.detail_window_px
    forward = functools.partial(net.slide_inference, image, window, window // 2)
    with torch.inference_mode():
        forward()
        return count / machine.seconds(forward)


def _decoded_per_second(machine: Machine) -> float:
    started_s = time.perf_counter()
    with ThreadPoolExecutor() as threads:
        for _ in threads.map(read_image, machine.pool):
            pass
    return len(machine.pool) / (time.perf_counter() - started_s)

"""`clicks`: the worker child that answers questions of the web process, one at a time."""

from __future__ import annotations

import os
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

import torch

from daemon.clicks.click import ClickEngine, ClickQuestion, Picture, PriorMap
from daemon.clicks.click_replay import ClickSource, ReplayedClicks
from daemon.domain.errors import MaskloopError, RunFailed
from daemon.hrda.click_net.click_checkpoint import read_click_model
from daemon.hrda.device import resolve_device, set_threads
from daemon.pixels import read_picture
from daemon.runs.click_worker_messages import (
    MAX_PIXELS,
    MAX_QUESTION_BYTES,
    BadLine,
    ClicksRequest,
    WorkerAnswer,
    WorkerError,
    WorkerQuestion,
    WorkerReady,
    answer_of,
    line_of,
    next_line,
    read_question,
)
from daemon.runs.prior_maps import read_prior
from daemon.runs.run_folder import RunFolder
from daemon.sam.sam_engine import SamEngine
from daemon.sam.sam_graphs import open_sam

KEPT_BYTES = 256 * 2**20  # of decoded pictures
Stamp = tuple[str, int, int, int]  # path, size, nanoseconds of its last change, inode


def answer_clicks(folder: RunFolder, request: ClicksRequest) -> None:
    """Answer until standard input ends. Raises RunFailed for files that cannot be used.

    Standard output is for answers alone: what libraries print goes to standard error.
    """
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    set_threads(request.threads)
    device = resolve_device(request.device)
    engine = _engine(request, device)
    answer_all(questions, answers, AnsweringWorker(engine, request.version))


def _engine(request: ClicksRequest, device: torch.device) -> ClickEngine:
    if request.sam is not None:
        return SamEngine(open_sam(request.sam, request.threads))
    if request.checkpoint is None:
        raise RunFailed("the request names neither a checkpoint nor the files of SAM")
    return read_click_model(request.checkpoint).engine(device)


def answer_all(questions: BinaryIO, answers: BinaryIO, worker: AnsweringWorker) -> None:
    """Say that the model is loaded, then answer line by line until the questions end."""
    answers.write(line_of(WorkerReady(ready=worker.engine.name)))
    while (line := next_line(questions, MAX_QUESTION_BYTES)) is not None:
        try:
            answers.write(line_of(worker.answer(line)))
        except BrokenPipeError:  # nobody listens any more
            return


class AnsweringWorker:
    """Answers one line at a time, and keeps pictures and answers of the last ones.

    version: of the model whose probabilities are the priors.
    """

    def __init__(self, engine: ClickEngine, version: str = "") -> None:
        self.engine = engine
        self._version = version
        self._replayed = ReplayedClicks()
        self._pictures = KeptPictures(KEPT_BYTES)

    def answer(self, line: bytes) -> WorkerAnswer | WorkerError:
        """The answer; an error for whatever keeps it from one, which names the reason."""
        started_s = time.perf_counter()
        question_id = ""
        try:
            question = read_question(line)
            question_id = question.id
            return self._answered(question, started_s)
        except BadLine as exc:
            return WorkerError(id=exc.id, error=str(exc))
        except MaskloopError as exc:
            return WorkerError(id=question_id, error=str(exc))
        except torch.OutOfMemoryError:
            return WorkerError(id=question_id, error="out of memory")
        except Exception as exc:  # noqa: BLE001 - one question never ends the worker
            return WorkerError(id=question_id, error=f"{type(exc).__name__}: {exc}")

    def _answered(self, question: WorkerQuestion, started_s: float) -> WorkerAnswer | WorkerError:
        clicks = question.made_clicks()
        if not any(click.positive for click in clicks):
            return WorkerError(id=question.id, error="no positive click")
        image = self._pictures.picture(question.image)
        height, width = image.shape[:2]
        if any(click.x >= width or click.y >= height for click in clicks):
            return WorkerError(
                id=question.id, error=f"a click outside of the image of {width} x {height} pixels"
            )
        prior, usual = _prior(question.prior, (height, width)), question.usual_area_px
        found = self._replayed.answer(
            self.engine,
            ClickSource(image=_name(question), model=self._version, usual_area_px=usual),
            ClickQuestion(image=image, clicks=clicks, prior=prior, usual_area_px=usual),
        )
        ms = 1000 * (time.perf_counter() - started_s)
        return answer_of(question.id, found.probability, ms)


class KeptPictures:
    """Decoded pictures, the last ones used, within so many bytes and always one."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Stamp, Picture] = OrderedDict()

    def picture(self, path: Path) -> Picture:
        """The picture of a file as it is now. Raises ImageRefused; OSError where it is missing."""
        stamp = _stamp(path)
        if stamp not in self._kept:
            self._kept[stamp] = read_picture(path, where=str(path), max_pixels=MAX_PIXELS)
        self._kept.move_to_end(stamp)
        while len(self._kept) > 1 and sum(one.nbytes for one in self._kept.values()) > (
            self._most_bytes
        ):
            self._kept.popitem(last=False)
        return self._kept[stamp]


def _stamp(path: Path) -> Stamp:
    found = path.stat()
    return str(path), found.st_size, found.st_mtime_ns, found.st_ino


def _name(question: WorkerQuestion) -> str:
    """Names the bytes of image and prior, by their files: a replaced file has another stamp."""
    files = [question.image] if question.prior is None else [question.image, question.prior]
    return repr([_stamp(path) for path in files])


def _prior(path: Path | None, size: tuple[int, int]) -> PriorMap | None:
    return None if path is None else read_prior(path, size)

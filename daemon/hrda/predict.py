"""`predict`: a checkpoint scores images, writes masks and is measured."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as PillowImage

from daemon.durable import atomic_file
from daemon.errors import ConfigError
from daemon.hrda.checkpoint import read_checkpoint
from daemon.hrda.infer import Seen, see
from daemon.hrda.machine import device_of, infers_in_bf16, use_threads
from daemon.hrda.measure import evaluate
from daemon.hrda.model import HRDASegmentor
from daemon.hrda.pictures import read_image
from daemon.hrda.sampler import seed_all
from daemon.hrda.settings import settings_of
from daemon.hrda.signs import counted
from daemon.runs import ImageFile, PredictRequest, PredictResult, RunFolder, Scores

INFERENCE = ("window_px", "detail_window_px", "detail_overlap", "chunk", "precision")


def predict(folder: RunFolder, request: PredictRequest) -> None:
    """Do what the request says; everything is in the folder afterwards.

    Raises ConfigError, ImageRefused, MaskRefused or RunFailed.
    """
    started_s = time.monotonic()
    net = _model(request)
    if request.score:
        folder.write_scores(_scores(folder, net, request.score))
    confidence = _masks(folder, net, request)
    test = evaluate(folder, net, request.test, request.classes, "test")
    folder.write_result(
        PredictResult(
            images=len(request.score) + len(request.masks) + len(request.test),
            seconds=time.monotonic() - started_s,
            test=test,
            confidence=confidence,
        )
    )


def _model(request: PredictRequest) -> HRDASegmentor:
    changes = settings_of(request.settings)  # refuses unknown names
    seed_all(request.seed)
    use_threads(request.threads)
    device = device_of(request.device)
    net, classes = read_checkpoint(request.checkpoint, device)
    if classes != request.classes:
        raise ConfigError(
            f"{request.checkpoint}: knows the classes {list(classes)}; the request has "
            f"{list(request.classes)}; train with these classes first"
        )
    named = {name: getattr(changes, name) for name in INFERENCE if name in request.settings}
    net.settings = dataclasses.replace(net.settings, **named)
    net.chunk = net.settings.chunk
    net.bf16 = infers_in_bf16(net.settings, device)
    return net


def _scores(folder: RunFolder, net: HRDASegmentor, files: Sequence[ImageFile]) -> Scores:
    seen = [_numbers(see(net, read_image(file))) for file in counted(folder, "scoring", files)]
    embedding, uncertainty, share = zip(*seen, strict=True)
    return Scores(
        ids=np.array([file.id for file in files], dtype=np.int64),
        embeddings=np.stack(embedding),
        uncertainty=np.array(uncertainty, dtype=np.float32),
        class_share=np.stack(share),
    )


def _numbers(
    seen: Seen,
) -> tuple[npt.NDArray[np.float32], float, npt.NDArray[np.float32]]:
    return seen.embedding, seen.uncertainty(), seen.class_share()


def _masks(
    folder: RunFolder, net: HRDASegmentor, request: PredictRequest
) -> dict[int, dict[str, float]]:
    confidence = {}
    if request.masks:
        folder.mask(0).parent.mkdir(exist_ok=True)
    for file in counted(folder, "masks", request.masks):
        certainty, label = see(net, read_image(file)).probability().max(dim=0)
        confidence[file.id] = _per_class(certainty, label, request.classes)
        with atomic_file(folder.mask(file.id)) as part:
            PillowImage.fromarray(label.numpy().astype(np.uint8)).save(part, format="PNG")
    return confidence


def _per_class(
    certainty: torch.Tensor, label: torch.Tensor, classes: Sequence[str]
) -> dict[str, float]:
    """Mean probability over the pixels of each class that is there."""
    return {
        name: float(certainty[label == row].mean())
        for row, name in enumerate(classes)
        if bool((label == row).any())
    }

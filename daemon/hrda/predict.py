"""`predict`: a checkpoint scores images, writes masks and is measured."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as PillowImage

from daemon.domain import Evaluation
from daemon.durable import atomic_file
from daemon.errors import ConfigError
from daemon.hrda.images.sampler import seed_all
from daemon.hrda.inference.infer import Seen, embedding_size
from daemon.hrda.inference.passes import seen
from daemon.hrda.inference.rows import Rows, origin, row_type
from daemon.hrda.machine import device_of, infers_in_bf16, use_threads
from daemon.hrda.measuring.measure import evaluate
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.settings import INFERENCE, settings_of
from daemon.hrda.signs import Signs
from daemon.hrda.training.checkpoint import read_checkpoint
from daemon.runs import PredictRequest, PredictResult, RunFolder


def predict(folder: RunFolder, request: PredictRequest) -> None:
    """Do what the request says; everything is in the folder afterwards.

    Raises ConfigError, ImageRefused, MaskRefused or RunFailed.
    """
    started_s = time.monotonic()
    net = model_of(request)
    if request.score:
        score(folder, net, request)
    confidence = _masks(folder, net, request)
    test = evaluate(folder, net, request.test, request.classes, "test", request.temperature)
    folder.write_result(
        PredictResult(
            images=len(request.score) + len(request.masks) + len(request.test),
            seconds=time.monotonic() - started_s,
            test=test,
            student=_student(folder, request) if request.student else None,
            confidence=confidence,
        )
    )


def _student(folder: RunFolder, request: PredictRequest) -> Evaluation | None:
    """The other checkpoint on the same test images."""
    net = model_of(request.model_copy(update={"checkpoint": request.student}))
    given, phase = request.student_temperature, "test of the student"
    return evaluate(folder, net, request.test, request.classes, phase, given)


def model_of(request: PredictRequest) -> Segmentor:
    """The model of the checkpoint, as the request wants it. Raises ConfigError, RunFailed."""
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


def score(folder: RunFolder, net: Segmentor, request: PredictRequest) -> None:
    """Write scores.npz; images that an earlier process of this request scored stay scored."""
    ids = [file.id for file in request.score]
    kind = row_type(embedding_size(net.settings), len(request.classes))
    rows = Rows(folder, kind, ids, origin(request, request.checkpoint))
    signs = Signs(folder, "scoring", len(ids), rows.done)
    looks = seen(net, request.score[rows.done :])
    rows.keep(_columns(look) for _, look in signs.over(looks))


def _columns(look: Seen) -> dict[str, npt.ArrayLike]:
    return {
        "embeddings": look.embedding,
        "uncertainty": look.uncertainty(),
        "class_share": look.class_share(),
    }


def _masks(
    folder: RunFolder, net: Segmentor, request: PredictRequest
) -> dict[int, dict[str, float]]:
    confidence = {}
    if request.masks:
        folder.mask(0).parent.mkdir(exist_ok=True)
    for file, look in Signs(folder, "masks", len(request.masks)).over(seen(net, request.masks)):
        certainty, label = look.probability().max(dim=0)
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

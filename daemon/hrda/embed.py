"""`embed`: images as vectors of the ImageNet encoder, before there is any model.

Without images it still loads the encoder onto the device: that is the check of a machine.
"""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from daemon.hrda.encoders import encoder_kind
from daemon.hrda.infer import padded, pooled
from daemon.hrda.machine import device_of, infers_in_bf16, use_threads
from daemon.hrda.model import HRDASegmentor, build_segmentor, halved
from daemon.hrda.pictures import Picture, read_image
from daemon.hrda.sampler import seed_all
from daemon.hrda.settings import Settings, settings_of
from daemon.hrda.signs import counted
from daemon.runs import EmbedRequest, PredictResult, RunFolder, Scores

LONGEST_PX = 512  # larger images are shrunk to this before: one vector does not need more


def embed(folder: RunFolder, request: EmbedRequest) -> None:
    """Write scores.npz with the embeddings. Raises ConfigError or ImageRefused."""
    started_s = time.monotonic()
    settings = settings_of(request.settings)
    net = _encoder(request, settings)
    rows = [
        embedding(net, read_image(file)) for file in counted(folder, "embedding", request.images)
    ]
    width = sum(encoder_kind(settings.encoder).channels[-2:])
    folder.write_scores(
        Scores(
            ids=np.array([file.id for file in request.images], dtype=np.int64),
            embeddings=np.stack(rows) if rows else np.empty((0, width), np.float32),
        )
    )
    seconds = time.monotonic() - started_s
    folder.write_result(PredictResult(images=len(rows), seconds=seconds))


@torch.no_grad()
def embedding(net: HRDASegmentor, image: Picture) -> npt.NDArray[np.float32]:
    """(D,) of unit length: the two deepest maps of the half-scale image, averaged."""
    x = padded(image, net.mean)
    while max(x.shape[2:]) > LONGEST_PX:
        x = halved(x)
    vector = pooled(net.features(x))
    return nn.functional.normalize(vector, dim=0).numpy()


def _encoder(request: EmbedRequest, settings: Settings) -> HRDASegmentor:
    seed_all(request.seed)
    use_threads(request.threads)
    device = device_of(request.device)
    net = build_segmentor(settings, len(request.classes))
    net.load_imagenet()
    net.bf16 = infers_in_bf16(settings, device)
    return net.to(device).eval().requires_grad_(False)

"""`embed`: images as vectors of the ImageNet encoder, before there is any model.

Without images it still loads the encoder onto the device: that is the check of a machine.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from daemon.hrda.data.guarded_reading import Reading
from daemon.hrda.data.image_files import Picture
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.device import device_of, infers_in_bf16, use_threads
from daemon.hrda.inference.batches import AHEAD, alike
from daemon.hrda.inference.score_file import Rows, origin, row_type
from daemon.hrda.inference.whole_images import (
    BAND_ROWS,
    at_once,
    embedding_size,
    padded_size,
    pooled,
    window_of,
)
from daemon.hrda.network.model import build_segmentor, halved
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.network.windows import Box
from daemon.hrda.progress import Signs
from daemon.hrda.settings import Settings, settings_of
from daemon.runs.folder import EmbedRequest, FileRole, ImageFile, PredictResult, RunFolder

_EXACT_HALVINGS = 6  # the grid of 64 pixels can be halved so often before sides become odd
NARROWEST_PX = 64  # no side gets shorter than that: the encoder halves it five times
LONGEST_PX = 512  # larger images are shrunk to this before: one vector does not need more


def embed(folder: RunFolder, request: EmbedRequest) -> None:
    """Write scores.npz with the embeddings of the images that can be read. Raises ConfigError."""
    started_s = time.monotonic()
    settings = settings_of(request.settings)
    net = _encoder(request, settings)
    ids = [file.id for file in request.images]
    rows = Rows(folder, row_type(embedding_size(settings), None), ids, origin(request))
    signs = Signs(folder, "embedding", len(ids), rows.done)
    reading = Reading(request.images)
    left = [file for file in request.images if rows.lacks(file.id)]
    vectors = _embeddings(net, left, reading)
    rows.keep((file.id, {"embeddings": vector}) for file, vector in signs.over(vectors))
    faults = reading.faults()
    bad = {fault.id for fault in faults}
    tested = [file for file in request.images if file.role is FileRole.TEST and file.id not in bad]
    folder.write_result(
        PredictResult(
            images=len(ids) - len(faults),
            seconds=time.monotonic() - started_s,
            sha256={file.id: _sha256(file) for file in tested},
            faults=faults,
        )
    )


def _embeddings(
    net: Segmentor, files: Sequence[ImageFile], reading: Reading
) -> Iterator[tuple[ImageFile, npt.NDArray[np.float32]]]:
    pictures = reading.pictures(files, AHEAD)
    for group in alike(pictures, lambda pixels: at_once(net, min(pixels, LONGEST_PX**2))):
        vectors = embeddings(net, [picture for _, picture in group])
        yield from zip((file for file, _ in group), vectors, strict=True)


def _sha256(file: ImageFile) -> str:
    with file.image.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@torch.no_grad()
def embeddings(net: Segmentor, images: Sequence[Picture]) -> npt.NDArray[np.float32]:
    """(B, D) of unit length: the two deepest maps of the half-scale images, averaged.

    The images have one size.
    """
    vectors = pooled(net.features(torch.cat([_shrunk(image, net.mean) for image in images])))
    return nn.functional.normalize(vectors, dim=1).numpy()


def _shrunk(image: Picture, mean: torch.Tensor) -> torch.Tensor:
    """Halved until it is small enough; a large image band by band, which gives the same."""
    height, width = padded_size(image.shape)
    halvings = 0
    while halvings < _EXACT_HALVINGS and _is_large(height >> halvings, width >> halvings):
        halvings += 1
    bands = []
    for top in range(0, height, BAND_ROWS):
        band = window_of([image], mean, Box(top, 0, min(BAND_ROWS, height - top), width))
        for _ in range(halvings):
            band = halved(band)
        bands.append(band)
    x = torch.cat(bands, dim=2)
    while _is_large(*x.shape[2:]):
        x = halved(x)
    return x


def _is_large(height: int, width: int) -> bool:
    """Whether an image is halved once more: a narrow one stays as wide as the encoder needs."""
    return max(height, width) > LONGEST_PX and min(height, width) >= 2 * NARROWEST_PX


def _encoder(request: EmbedRequest, settings: Settings) -> Segmentor:
    seed_all(request.seed)
    use_threads(request.threads)
    device = device_of(request.device)
    net = build_segmentor(settings, len(request.classes))
    net.load_imagenet()
    net.bf16 = infers_in_bf16(settings, device)
    return net.to(device).eval().requires_grad_(False)

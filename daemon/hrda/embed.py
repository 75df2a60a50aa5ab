"""`embed`: embeddings of images by the ImageNet encoder, before there is any model.

Without images it still loads the encoder onto the device, which checks the machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from daemon.config.learner import Settings, settings_of
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.data.image_files import Picture
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.device import infers_in_bf16, resolve_device, set_threads
from daemon.hrda.inference.passes import images_per_pass, queue_length, readers
from daemon.hrda.inference.score_file import ScoreFile, origin, row_dtype
from daemon.hrda.inference.streaming import group_by_size
from daemon.hrda.inference.whole_images import (
    BAND_ROWS,
    embedding_size,
    padded_size,
    pooled,
    window_of,
)
from daemon.hrda.network.hrda import build_segmentor, half_scale
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.network.windows import Box
from daemon.hrda.progress import ProgressReporter
from daemon.runs.checksums import sha256_of
from daemon.runs.run_folder import (
    EmbedRequest,
    FileRole,
    ImageFile,
    PredictResult,
    Request,
    RunFolder,
)

_EXACT_HALVINGS = 6  # of a multiple of 64 pixels, before its sides become odd
MIN_SIDE_PX = 64  # no side gets shorter: the encoder halves it five times
MAX_SIDE_PX = 512  # larger images are halved until they fit: one vector needs no more


def embed(folder: RunFolder, request: EmbedRequest) -> None:
    """Write scores.npz with the embeddings of the readable images. Raises ConfigError."""
    started_s = time.monotonic()
    settings = settings_of(request.settings)
    net = imagenet_encoder(request, settings)
    ids = [file.id for file in request.images]
    rows = ScoreFile(
        folder, row_dtype({"embeddings": (embedding_size(settings),)}), ids, origin(request)
    )
    progress = ProgressReporter(folder, "embedding", len(ids), rows.done)
    reader = FileReader(request.images)
    missing = [file for file in request.images if rows.is_missing(file.id)]
    vectors = _embeddings(net, missing, reader)
    rows.write((file.id, {"embeddings": vector}) for file, vector in progress.track(vectors))
    faults = reader.faults()
    bad = {fault.id for fault in faults}
    test = [file for file in request.images if file.role is FileRole.TEST and file.id not in bad]
    folder.write_result(
        PredictResult(
            images=len(ids) - len(faults),
            seconds=time.monotonic() - started_s,
            sha256={file.id: sha256_of(file.image) for file in test},
            faults=faults,
        )
    )


def _embeddings(
    net: Segmentor, files: Sequence[ImageFile], reader: FileReader
) -> Iterator[tuple[ImageFile, npt.NDArray[np.float32]]]:
    for group in picture_groups(net, files, reader):
        vectors = embeddings(net, [picture for _, picture in group])
        yield from zip((file for file, _ in group), vectors, strict=True)


def picture_groups(
    net: Segmentor, files: Sequence[ImageFile], reader: FileReader
) -> Iterator[Sequence[tuple[ImageFile, Picture]]]:
    """The readable files with their pictures, in order; those of a group have one size and fit
    through the encoder together."""
    pictures = reader.images(files, queue_length(net), readers(net))
    return group_by_size(pictures, lambda pixels: _images_at_once(net, pixels))


def _images_at_once(net: Segmentor, pixels: int) -> int:
    return min(queue_length(net), images_per_pass(net, min(pixels, MAX_SIDE_PX**2)))


@torch.no_grad()
def embeddings(net: Segmentor, images: Sequence[Picture]) -> npt.NDArray[np.float32]:
    """(B, D) of unit length: the means of the two deepest maps of the half-scale images.

    images: of one size.
    """
    vectors = pooled(net.features(torch.cat([shrunk(image, net.mean) for image in images])))
    return nn.functional.normalize(vectors, dim=1).cpu().numpy()


def shrunk(image: Picture, mean: torch.Tensor) -> torch.Tensor:
    """Halved until it is small enough; a large image band by band, which gives the same."""
    height, width = padded_size(image.shape)
    halvings = 0
    while halvings < _EXACT_HALVINGS and _is_large(height >> halvings, width >> halvings):
        halvings += 1
    bands = []
    for top in range(0, height, BAND_ROWS):
        band = window_of([image], mean, Box(top, 0, min(BAND_ROWS, height - top), width))
        for _ in range(halvings):
            band = half_scale(band)
        bands.append(band)
    x = torch.cat(bands, dim=2)
    while _is_large(*x.shape[2:]):
        x = half_scale(x)
    return x


def _is_large(height: int, width: int) -> bool:
    """Whether an image is halved once more: a narrow one stays as wide as the encoder needs."""
    return max(height, width) > MAX_SIDE_PX and min(height, width) >= 2 * MIN_SIDE_PX


def imagenet_encoder(request: Request, settings: Settings) -> Segmentor:
    """The network with the encoder's ImageNet weights, on the device, to be used and not trained.

    Raises ConfigError.
    """
    seed_all(request.seed)
    set_threads(request.threads)
    device = resolve_device(request.device)
    net = build_segmentor(settings, max(2, len(request.classes)))
    net.load_imagenet()
    net.bf16 = infers_in_bf16(settings, device)
    return net.to(device).eval().requires_grad_(False)

"""`features`: dense features of images by the ImageNet encoder, for the probe (daemon/hrda/probe).

The encoder's maps at strides 4, 8, 16 and 32 are brought to cells of 8 x 8 pixels and reduced, all
together, by a principal component analysis of a seeded sample of cells. Its components are linear,
so each map is projected at its own stride and only the result is upsampled.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from daemon.config.learner import settings_of
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.data.image_files import Picture
from daemon.hrda.embed import embeddings, imagenet_encoder, picture_groups, shrunk
from daemon.hrda.inference.score_file import origin
from daemon.hrda.inference.whole_images import embedding_size, padded_size
from daemon.hrda.network.encoders import STRIDES, encoder_spec
from daemon.hrda.network.heads import resize
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.probe.feature_file import FeatureWriter, ImageFeatures, Layout
from daemon.hrda.progress import ProgressReporter
from daemon.runs.checksums import sha256_of
from daemon.runs.durable import atomic_file
from daemon.runs.run_folder import FeaturesRequest, ImageFile, PredictResult, RunFolder

log = logging.getLogger(__name__)

PROJECTION = "projection.npz"
STRIDE = 8
SAMPLED_IMAGES = 128  # for the projection, of all images of the request
SAMPLED_CELLS = 128  # of each of them
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, kw_only=True)
class Projection:
    """mean: (F,) of the encoder's channels, all maps together. weights: (F, channels)."""

    mean: Tensor
    weights: Tensor


def features(folder: RunFolder, request: FeaturesRequest) -> None:
    """Write the features of the readable images. Raises ConfigError, RunFailed."""
    started_s = time.monotonic()
    settings = settings_of(request.settings)
    net = imagenet_encoder(request, settings)
    reader = FileReader(request.images)
    writer = FeatureWriter(
        folder.path,
        Layout(
            origin=_origin(request),
            channels=request.channels,
            embedding=embedding_size(settings),
        ),
    )
    if not writer.done:  # what is there may be of another request
        (folder.path / PROJECTION).unlink(missing_ok=True)
    projection = _projection(folder, net, request, reader)
    digests = _digests(request, reader)
    with writer.appending():
        _write(writer, net, projection, digests, reader, folder)
    faults = reader.faults()
    folder.write_result(
        PredictResult(
            images=len(request.images) - len(faults),
            seconds=time.monotonic() - started_s,
            faults=faults,
        )
    )


def _origin(request: FeaturesRequest) -> str:
    """64 hex digits. The start of the machine counts: what a power cut left is not trusted."""
    found = hashlib.sha256(origin(request).encode())
    with suppress(OSError):
        found.update(BOOT_ID.read_bytes())
    return found.hexdigest()


def _digests(request: FeaturesRequest, reader: FileReader) -> dict[str, ImageFile]:
    """sha256 -> the first image with these bytes; files that cannot be read are left out."""
    found: dict[str, ImageFile] = {}
    for file in request.images:
        if file.image.is_file() or reader.image(file) is not None:
            found.setdefault(sha256_of(file.image), file)
    return found


def _write(
    writer: FeatureWriter,
    net: Segmentor,
    projection: Projection,
    digests: dict[str, ImageFile],
    reader: FileReader,
    folder: RunFolder,
) -> None:
    missing = {file.id: sha256 for sha256, file in digests.items() if sha256 not in writer.done}
    files = [file for file in digests.values() if file.id in missing]
    progress = ProgressReporter(folder, "features", len(digests), len(writer.done))
    for file, found in progress.track(_features_of(net, projection, files, reader)):
        writer.add(missing[file.id], found)


def _features_of(
    net: Segmentor, projection: Projection, files: Sequence[ImageFile], reader: FileReader
) -> Iterator[tuple[ImageFile, ImageFeatures]]:
    for group in picture_groups(net, files, reader):
        images = [picture for _, picture in group]
        vectors = embeddings(net, images)
        cells, cell_px = _cells(net, images, projection)
        for row, (file, picture) in enumerate(group):
            yield (
                file,
                ImageFeatures(
                    cells=cells[row],
                    size=(picture.shape[0], picture.shape[1]),
                    cell_px=cell_px,
                    embedding=vectors[row],
                ),
            )


@torch.no_grad()
def _cells(
    net: Segmentor, images: Sequence[Picture], projection: Projection
) -> tuple[npt.NDArray[np.float16], int]:
    """(B, rows, columns, channels) of images of one size, and the pixels of a cell along a side."""
    maps, cell_px = _maps(net, images)
    parts = projection.weights.split([x.shape[1] for x in maps])
    means = projection.mean.split([x.shape[1] for x in maps])
    grid = (maps[1].shape[2], maps[1].shape[3])
    total = torch.zeros(len(images), projection.weights.shape[1], *grid)
    for x, mean, weights in zip(maps, means, parts, strict=True):
        reduced = torch.einsum("bfhw,fc->bchw", x - mean.view(1, -1, 1, 1), weights)
        total += _on_grid(reduced, grid)
    rows, columns = (-(-side // cell_px) for side in images[0].shape[:2])
    kept = total[:, :, :rows, :columns].permute(0, 2, 3, 1)
    return kept.numpy().astype(np.float16), cell_px


def _maps(net: Segmentor, images: Sequence[Picture]) -> tuple[tuple[Tensor, ...], int]:
    """The encoder's four maps, on the CPU, and the pixels of the image in a cell of the second.

    Large images are halved first, as for their embedding.
    """
    x = torch.cat([shrunk(image, net.mean) for image in images])
    cell_px = STRIDE * padded_size(images[0].shape)[0] // x.shape[2]
    with net.autocast(x):
        small = net.normalised(x)
        fill = [-side % STRIDES[-1] for side in small.shape[2:]]
        found = net.encoder(nn.functional.pad(small, (0, fill[1], 0, fill[0])))
    return tuple(y.float().cpu() for y in found), cell_px


def _on_grid(x: Tensor, grid: tuple[int, int]) -> Tensor:
    """A finer map is averaged over its cells, a coarser one upsampled."""
    if x.shape[2] > grid[0]:
        return nn.functional.avg_pool2d(x, 2)
    return x if tuple(x.shape[2:]) == grid else resize(x, grid)


def _projection(
    folder: RunFolder, net: Segmentor, request: FeaturesRequest, reader: FileReader
) -> Projection:
    """The projection of this request: fitted once, then read from its file."""
    path = folder.path / PROJECTION
    if not path.exists():
        sample = _sampled_cells(folder, net, request, reader)
        mean, weights = principal_components(sample, _channels(net), request.channels)
        with atomic_file(path) as part, part.open("wb") as file:
            np.savez(file, mean=mean, weights=weights)
    with np.load(path, allow_pickle=False) as arrays:
        return Projection(
            mean=torch.from_numpy(arrays["mean"]), weights=torch.from_numpy(arrays["weights"])
        )


def _channels(net: Segmentor) -> tuple[int, ...]:
    return encoder_spec(net.settings).channels


@torch.no_grad()
def _sampled_cells(
    folder: RunFolder, net: Segmentor, request: FeaturesRequest, reader: FileReader
) -> npt.NDArray[np.float64]:
    """(S, F): SAMPLED_CELLS of the cells of each of SAMPLED_IMAGES images, drawn by the seed."""
    rng = np.random.default_rng(request.seed)
    drawn = rng.permutation(len(request.images))[:SAMPLED_IMAGES]
    found = [np.zeros((0, sum(_channels(net))))]
    groups = picture_groups(net, [request.images[row] for row in drawn], reader)
    pictures = (picture for group in groups for _, picture in group)
    progress = ProgressReporter(folder, "sample of cells", len(drawn))
    for picture in progress.track(pictures):
        maps, _ = _maps(net, [picture])
        grid = (maps[1].shape[2], maps[1].shape[3])
        cells = torch.cat([_on_grid(x, grid) for x in maps], dim=1)[0].flatten(1)
        rows = rng.integers(cells.shape[1], size=SAMPLED_CELLS)
        found.append(cells[:, torch.from_numpy(rows)].T.double().numpy())
    return np.concatenate(found)


def principal_components(
    sample: npt.NDArray[np.float64], channels: Sequence[int], count: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The mean (F,) of the sample (S, F) and weights (F, count), each component of variance 1.

    Each map has the same total variance first, so that no depth outweighs the others. channels: of
    the maps, F together. Components beyond the rank of the sample are zero.
    """
    mean = sample.mean(axis=0) if len(sample) else np.zeros(sample.shape[1])
    centered = sample - mean
    power = np.split(centered.var(axis=0) if len(sample) else mean, np.cumsum(channels)[:-1])
    scale = np.concatenate([np.full(len(one), max(1e-12, one.sum()) ** -0.5) for one in power])
    scaled = centered * scale
    variance, axes = np.linalg.eigh(scaled.T @ scaled / max(1, len(sample)))
    variance, axes = variance[::-1][:count], axes[:, ::-1][:, :count]
    size = np.where(variance > 1e-9, np.maximum(variance, 1e-9) ** -0.5, 0.0)
    weights = np.zeros((sample.shape[1], count))
    weights[:, : len(size)] = scale[:, None] * axes * size
    return mean.astype(np.float32), weights.astype(np.float32)

"""The embeddings of the images of a folder, kept in run folders, so that each is computed once.

    NAME.embeddings/0000-embed, 0001-embed, ...    a run each for the images that were new then

An image is known by its path, size and times, so that a changed file is embedded again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.runs.run_folder import EmbedRequest, FileFault, ImageFile, PredictResult, RunFolder

FloatArray = npt.NDArray[np.float32]
RUN_NAME = re.compile(r"\d{4,}-embed")
CLASSES = ("background", "foreground")  # a request names some; an embedding does not depend on them

RunEmbed = Callable[[RunFolder], None]


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """The images that could be read: names of length N, in the order given; embeddings (N, D),
    rows of unit length. stamps: (N,) int64, which tell the files apart. faults: of the others."""

    names: tuple[str, ...]
    stamps: npt.NDArray[np.int64]
    embeddings: FloatArray
    faults: tuple[FileFault, ...]


def embed_images(
    images: Mapping[str, Path], folder: Path, request: EmbedRequest, run_embed: RunEmbed
) -> Embedded:
    """Embed the images that no earlier run has, then read all.

    images: id -> file. request: with the settings of the encoder and no images. run_embed: runs
    `embed` in a folder to its end. An unfinished run is resumed first. Raises RunFailed with the
    message of the process.
    """
    stamps = {name: _stamp(path) for name, path in images.items()}
    for run in _runs(folder, request):
        if not run.finished():
            run_embed(run)
    known = {image.id for run in _runs(folder, request) for image in _images(run)}
    new = [
        ImageFile(id=stamp, image=images[name])
        for name, stamp in stamps.items()
        if stamp not in known
    ]
    if new:
        run = RunFolder(folder / f"{_next_number(folder):04d}-embed")
        run.write_request(request.model_copy(update={"images": tuple(new)}))
        run_embed(run)
    return _read(stamps, _runs(folder, request))


def _read(stamps: Mapping[str, int], runs: Sequence[RunFolder]) -> Embedded:
    wanted = set(stamps.values())
    rows: dict[int, FloatArray] = {}
    faults: dict[int, FileFault] = {}
    for run in runs:
        scores = run.read_scores()
        rows |= {
            int(stamp): row
            for stamp, row in zip(scores.ids, scores.embeddings, strict=True)
            if int(stamp) in wanted
        }
        found = run.read_result(PredictResult).faults
        faults |= {fault.id: fault for fault in found if fault.id in wanted}
    names = tuple(name for name, stamp in stamps.items() if stamp in rows)
    return Embedded(
        names=names,
        stamps=np.array([stamps[name] for name in names], dtype=np.int64),
        embeddings=np.stack([rows[stamps[name]] for name in names])
        if names
        else np.empty((0, 0), dtype=np.float32),
        faults=tuple(faults[stamp] for stamp in stamps.values() if stamp in faults),
    )


def _runs(folder: Path, request: EmbedRequest) -> list[RunFolder]:
    """The runs of the same encoder, the oldest first; one without a request was never started."""
    found = []
    for run in _all_runs(folder):
        if run.request_file.exists():
            asked = run.read_request(EmbedRequest)
            if asked.settings == request.settings and asked.classes == request.classes:
                found.append(run)
    return found


def _all_runs(folder: Path) -> Iterator[RunFolder]:
    for path in sorted(folder.iterdir()):
        if RUN_NAME.fullmatch(path.name):
            yield RunFolder(path)


def _next_number(folder: Path) -> int:
    return 1 + max((int(run.path.name.partition("-")[0]) for run in _all_runs(folder)), default=-1)


def _images(run: RunFolder) -> tuple[ImageFile, ...]:
    return run.read_request(EmbedRequest).images


def _stamp(path: Path) -> int:
    """63 bits that change when the file does."""
    status = path.stat()
    text = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") >> 1

"""Places of images on a map, from their embeddings: UMAP in a child process, kept on disk."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.experiment.sampling.image_embeddings import FloatArray
from daemon.launchers.local import child_environment
from daemon.runs.durable import atomic_file

log = logging.getLogger(__name__)

LEAST_IMAGES = 30  # of UMAP; fewer are shown by their two principal components
MOST_IMAGES = 50_000  # more too: UMAP would take an hour
MODULE = "daemon.experiment.sampling.umap_process"


@dataclass(frozen=True, kw_only=True)
class EmbeddingMap:
    """places: (N, 2). method: what made them, for people."""

    places: FloatArray
    method: str


def embedding_map(
    stamps: npt.NDArray[np.int64], embeddings: FloatArray, folder: Path
) -> EmbeddingMap:
    """A map of these images, in which similar ones are near each other.

    stamps: (N,), which tell the images apart. embeddings: (N, D). folder: keeps the map of the
    same images for the next time. Where UMAP fails, principal components take its place, and the
    log says why.
    """
    if not LEAST_IMAGES <= len(stamps) <= MOST_IMAGES:
        return EmbeddingMap(places=_principal(embeddings), method="two principal components")
    name = hashlib.sha256(stamps.tobytes()).hexdigest()[:16]
    file = folder / f"map-{name}.npy"
    if not file.exists() and (why := _run_umap(embeddings, file, folder)):
        log.warning("no map by UMAP: %s; principal components take its place", why)
        return EmbeddingMap(places=_principal(embeddings), method="two principal components")
    places: FloatArray = np.load(file, allow_pickle=False)
    return EmbeddingMap(places=places, method="UMAP")


def _run_umap(embeddings: FloatArray, file: Path, folder: Path) -> str:
    """Why it failed; "" where it did not."""
    source, output = folder / "map-input.npy", folder / "map-log.txt"
    with atomic_file(source) as part, part.open("wb") as stream:
        np.save(stream, embeddings)
    command = [sys.executable, "-m", MODULE, str(source), str(file)]
    try:
        with output.open("wb") as log_file:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # whose end tells the child that this process is gone
                stdout=log_file,
                stderr=log_file,
                env=child_environment(os.environ),
            )
            with child:
                code = child.wait()
    finally:
        source.unlink(missing_ok=True)
    if code == 0 and file.exists():
        return ""
    lines = output.read_text(errors="replace").strip().splitlines()
    return f"exit code {code}: {lines[-1] if lines else 'it said nothing'}"


def _principal(embeddings: FloatArray) -> FloatArray:
    """(N, 2): the first two principal components, with zeros where there are fewer."""
    places = np.zeros((len(embeddings), 2), dtype=np.float32)
    if len(embeddings) > 1:
        left, sizes, _ = np.linalg.svd(embeddings - embeddings.mean(axis=0), full_matrices=False)
        known = min(2, len(sizes))
        places[:, :known] = (left * sizes)[:, :known]
    return places

"""The files of a map run, which draws all embedded images as points of a plane.

runs/0003-map/
    request.json      MapRequest
    fit.npz           the fit: `MapFit`; only in the run that fitted
    placed.bin        the points placed so far, (M, 2) float32, until the end of the run
    coordinates.npz   `Coordinates` of all images
    result.json       MapResult, written last

A later run of the same encoder copies the points of the earlier one as they are, and places the new
images only. A cycle may have several: 0003-map, 0003-2-map.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from daemon.domain.errors import RunFailed
from daemon.runs.durable import atomic_file
from daemon.runs.records import Record
from daemon.runs.run_folder import RunFolder
from daemon.runs.score_columns import mapped_columns, write_columns

MAP = "map"  # the command of the launcher, and the end of the name of a run folder

IdArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]


class MapRequest(Record):
    """Draw the map of the images in these embed runs.

    embedded: names of embed runs of one encoder, oldest first; where several hold an image, the
    last one counts. before: name of the map run whose points stay where they are; None: fit anew.
    seed: of the sample and of the fit. fit_images: the largest number of images that are fitted;
    the others are placed among them. neighbours, min_distance: of UMAP. chunk: images placed at
    once, on which their points depend. similarity: the smallest cosine similarity of near-
    duplicates, in (0, 1].
    """

    kind: Literal["map"] = "map"
    embedded: tuple[str, ...] = Field(min_length=1)
    before: str | None = None
    seed: int = Field(ge=0)
    fit_images: int = Field(default=30_000, ge=1)
    neighbours: int = Field(default=15, ge=2)
    min_distance: float = Field(default=0.1, ge=0)
    chunk: int = Field(default=16_384, ge=1)
    similarity: float = Field(gt=0, le=1)


class MapResult(Record):
    """result.json of a map run.

    images: points in all. placed: how many of them this run added to the fitted ones, or to those
    of the run before. fitted: images of the fit. fit: name of the run that holds it. method: "pca"
    where there are too few different images for UMAP. grouped: whether near-duplicates were looked
    for. embedded: as in the request, which the column `source` counts.
    """

    images: int = Field(ge=0)
    placed: int = Field(ge=0)
    fitted: int = Field(ge=0)
    fit: str
    method: Literal["umap", "pca"]
    grouped: bool
    embedded: tuple[str, ...]
    seconds: float = Field(ge=0)
    versions: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Coordinates:
    """Where each image is on the map; row i of each array belongs to ids[i].

    ids: (N,) int64, rising. positions: (N, 2) float32; the fitted images lie in [-1, 1]. source:
    (N,) int32, the place in `MapResult.embedded` of the run whose embedding was placed. group:
    (N,) int64, the lowest id of its near-duplicates; -1 for an image without any.
    """

    ids: IdArray
    positions: FloatArray
    source: npt.NDArray[np.int32]
    group: IdArray


@dataclass(frozen=True, kw_only=True)
class MapFit:
    """What new images are placed among: ids (F,) int64, embeddings (F, D) float32, positions (F, 2)
    float32 as UMAP returned them."""

    ids: IdArray
    embeddings: FloatArray
    positions: FloatArray


def write_coordinates(run: RunFolder, coordinates: Coordinates) -> None:
    """Write the points of a run, whole or not at all."""
    with atomic_file(run.path / "coordinates.npz") as part:
        write_columns(part, vars(coordinates))


def read_coordinates(run: RunFolder) -> Coordinates:
    """The points of a finished run, mapped. Raises RunFailed for a file that is damaged."""
    path = run.path / "coordinates.npz"
    arrays = mapped_columns(path)
    rows = len(arrays["ids"]) if "ids" in arrays else 0
    shapes = {"ids": (rows,), "positions": (rows, 2), "source": (rows,), "group": (rows,)}
    _require(path, arrays, shapes)
    return Coordinates(**arrays)


def write_fit(run: RunFolder, fit: MapFit) -> None:
    """Write the fit of a run, whole or not at all."""
    with atomic_file(run.path / "fit.npz") as part:
        write_columns(part, vars(fit))


def read_fit(run: RunFolder) -> MapFit | None:
    """The fit of a run; None where it has not fitted yet. Raises RunFailed for a damaged file."""
    if not has_fit(run):
        return None
    path = run.path / "fit.npz"
    arrays = mapped_columns(path)
    rows, *width = arrays["embeddings"].shape if "embeddings" in arrays else (0, 0)
    _require(path, arrays, {"ids": (rows,), "embeddings": (rows, *width), "positions": (rows, 2)})
    return MapFit(**arrays)


def has_fit(run: RunFolder) -> bool:
    """Whether the run holds a fit."""
    return (run.path / "fit.npz").exists()


def map_runs(runs: Path) -> list[RunFolder]:
    """The map runs in the folder of all runs, oldest first, finished or not."""
    return [RunFolder(path) for path in sorted(runs.glob(f"[0-9]*-{MAP}"), key=_place)]


def newest_map(runs: Path) -> RunFolder | None:
    """The newest map run that has finished; None before any."""
    return next((run for run in reversed(map_runs(runs)) if run.finished()), None)


def next_map_run(runs: Path, cycle: int) -> RunFolder:
    """The folder of a new run of this cycle, which counts as newer than all others of it."""
    earlier = [run for run in map_runs(runs) if _place(run.path)[0] == cycle]
    if not earlier:
        return RunFolder(runs / f"{cycle:04d}-{MAP}")
    return RunFolder(runs / f"{cycle:04d}-{_place(earlier[-1].path)[1] + 1}-{MAP}")


def _place(folder: Path) -> tuple[int, int]:
    """(cycle, number): 0003-map is (3, 1), 0003-2-map (3, 2)."""
    cycle, *number, _ = folder.name.split("-")
    return int(cycle), int(number[0]) if number else 1


def _require(
    path: Path, arrays: Mapping[str, npt.NDArray[Any]], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    found = {name: array.shape for name, array in arrays.items()}
    if found != shapes:
        raise RunFailed(
            f"{path}: holds {found}; expected {dict(shapes)}; remove the folder {path.parent}, the "
            f"daemon draws the map again"
        )

"""One map run, from its request to its result; it continues where a killed one stopped."""

from __future__ import annotations

import time
from importlib import metadata
from pathlib import Path

import numpy as np
import numpy.typing as npt

from daemon.domain.errors import RunFailed
from daemon.embedding_map.layout import Method, Placement, fit, framed, is_too_small
from daemon.embedding_map.placed_points import PlacedPoints
from daemon.embedding_map.similar_groups import MOST_IMAGES, similar_groups
from daemon.embedding_map.vectors import Vectors
from daemon.runs.map_files import (
    Coordinates,
    FloatArray,
    IdArray,
    MapFit,
    MapRequest,
    MapResult,
    read_coordinates,
    read_fit,
    write_coordinates,
    write_fit,
)
from daemon.runs.records import Progress
from daemon.runs.run_folder import RunFolder

PACKAGES = ("maskloop", "numpy", "umap-learn", "pynndescent", "numba")


def draw(run: RunFolder) -> None:
    """Draw the map as the request says, and write the result. Raises RunFailed."""
    started_s = time.monotonic()
    request = run.read_request(MapRequest)
    vectors = Vectors(run.path.parent, request.embedded)
    if not len(vectors):
        raise RunFailed(f"{', '.join(request.embedded)}: no image has an embedding; embed some")
    fit_run, stored, method = _fit(run, request, vectors)
    known_ids, known = _known_points(run, request, stored, vectors)
    new = np.flatnonzero(~np.isin(vectors.ids, known_ids))
    of_fit = RunFolder(run.path.with_name(fit_run)).read_request(MapRequest)
    placed = _place(run, of_fit, vectors, new, stored)
    positions = np.empty((len(vectors), 2), dtype=np.float32)
    positions[np.searchsorted(vectors.ids, known_ids)] = known
    positions[new] = framed(placed, stored.positions)
    grouped = len(vectors) <= MOST_IMAGES
    write_coordinates(
        run,
        Coordinates(
            ids=vectors.ids,
            positions=positions,
            source=vectors.source,
            group=_groups(run, request, vectors) if grouped else np.full(len(vectors), -1),
        ),
    )
    run.write_result(
        MapResult(
            images=len(vectors),
            placed=len(new),
            fitted=len(stored.ids),
            fit=fit_run,
            method=method,
            grouped=grouped,
            embedded=request.embedded,
            seconds=time.monotonic() - started_s,
            versions={name: metadata.version(name) for name in PACKAGES},
        )
    )
    (run.path / "placed.bin").unlink(missing_ok=True)


def sample(images: int, request: MapRequest) -> npt.NDArray[np.intp]:
    """Which of the images are fitted: rising places, all of them up to `fit_images`."""
    if images <= request.fit_images:
        return np.arange(images)
    rng = np.random.default_rng(request.seed)
    return np.sort(rng.choice(images, request.fit_images, replace=False))


def _fit(run: RunFolder, request: MapRequest, vectors: Vectors) -> tuple[str, MapFit, Method]:
    """The run that holds the fit, the fit, and its method."""
    if request.before is not None:
        before = RunFolder(run.path.parent / request.before).read_result(MapResult)
        stored = read_fit(RunFolder(run.path.parent / before.fit))
        if stored is None:
            raise RunFailed(
                f"{before.fit}: its fit.npz is gone; expected that of the map; remove the map runs "
                f"of {run.path.parent}, the daemon draws the map anew"
            )
        return before.fit, stored, before.method
    stored = read_fit(run)
    if stored is None:
        run.write_progress(Progress(phase="fitting the map", step=0, steps=len(vectors)))
        places = sample(len(vectors), request)
        embeddings = vectors.read(places)
        positions = fit(embeddings, request)
        stored = MapFit(ids=vectors.ids[places], embeddings=embeddings, positions=positions)
        write_fit(run, stored)
    return run.path.name, stored, "pca" if is_too_small(stored.embeddings) else "umap"


def _known_points(
    run: RunFolder, request: MapRequest, stored: MapFit, vectors: Vectors
) -> tuple[IdArray, FloatArray]:
    """Images that have their points already, (K,) rising, and these points (K, 2) on the page.

    Without a run before these are the fitted ones. An image that was embedded again, since its
    bytes were replaced, is not among them.
    """
    if request.before is None:
        return stored.ids, framed(stored.positions, stored.positions)
    before = RunFolder(run.path.parent / request.before)
    names = before.read_result(MapResult).embedded
    now = {name: place for place, name in enumerate(request.embedded)}
    place_now = np.array([now.get(name, -1) for name in names], dtype=np.int32)
    old = read_coordinates(before)
    place = np.searchsorted(vectors.ids, old.ids)
    inside = place < len(vectors)
    place = np.where(inside, place, 0)
    same = inside & (vectors.ids[place] == old.ids)
    same &= vectors.source[place] == place_now[old.source]
    return old.ids[same], old.positions[same]


def _place(
    run: RunFolder,
    request: MapRequest,
    vectors: Vectors,
    new: npt.NDArray[np.intp],
    stored: MapFit,
) -> FloatArray:
    """The points (M, 2) of the new images as UMAP has them; chunks that an earlier attempt placed
    are not placed again. request: that of the fit."""
    if not len(new):
        return np.empty((0, 2), dtype=np.float32)
    points = PlacedPoints(Path(run.path / "placed.bin"), request.chunk, len(new))
    placement = None if points.complete else Placement(stored, request)
    while placement is not None and not points.complete:
        run.write_progress(
            Progress(phase="placing images on the map", step=points.count, steps=len(new))
        )
        points.add(placement.place(vectors.read(new[points.next_chunk])))
    return points.read()


def _groups(run: RunFolder, request: MapRequest, vectors: Vectors) -> IdArray:
    run.write_progress(Progress(phase="looking for near-duplicates", step=0, steps=len(vectors)))
    everything = vectors.read(np.arange(len(vectors)))
    rng = np.random.default_rng(request.seed)
    return similar_groups(vectors.ids, everything, similarity=request.similarity, rng=rng)

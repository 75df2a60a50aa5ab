"""Points of a plane for embeddings: a fit by UMAP, and further images placed among its points.

UMAP (McInnes, Healy and Melville 2018) as the package umap-learn computes it, with a seed and on
one thread. It starts from the principal components, which takes no eigenvectors of a large graph.
Fewer than 15 different images are projected on their two principal components instead.
"""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np

from daemon.domain.errors import RunFailed
from daemon.runs.map_files import FloatArray, MapFit, MapRequest

FEWEST_IMAGES = 15  # different ones, for UMAP
Method = Literal["umap", "pca"]


def fit(vectors: FloatArray, request: MapRequest) -> FloatArray:
    """Points (F, 2) of these vectors (F, D). Raises RunFailed."""
    if is_too_small(vectors):
        return principal_components(vectors)
    model = _model(request, len(vectors), init="pca")
    model.fit(vectors)
    return _checked(model.embedding_)


def is_too_small(vectors: FloatArray) -> bool:
    """Whether there are too few different vectors (F, D), or all lie on a line."""
    some = np.unique(vectors[: 50 * FEWEST_IMAGES], axis=0)
    if len(some) < FEWEST_IMAGES and len(vectors) > 50 * FEWEST_IMAGES:
        some = np.unique(vectors, axis=0)
    if len(some) < FEWEST_IMAGES:
        return True
    return bool(np.linalg.matrix_rank(some - some.mean(axis=0), tol=1e-5) < 2)


def principal_components(vectors: FloatArray) -> FloatArray:
    """The two largest principal components of vectors (F, D), F >= 1: (F, 2); zeros where there is
    no such direction. The signs are those that make the largest number of each positive."""
    centred = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    found = (left * sizes)[:, :2]
    largest = np.take_along_axis(found, np.abs(found).argmax(axis=0)[None], axis=0)
    points = np.zeros((len(vectors), 2), dtype=np.float32)
    points[:, : found.shape[1]] = found * np.where(largest < 0, -1, 1)
    return points


class Placement:
    """Places further images among the points of a fit, which stay where they are.

    The model is made again from the vectors and the points of the fit: a fit of no epochs from
    these points. So the fit is stored as plain arrays, which every later release can read.
    """

    def __init__(self, stored: MapFit, request: MapRequest) -> None:
        embeddings, positions = np.array(stored.embeddings), np.array(stored.positions)
        self._model = _model(request, len(embeddings), init=positions, n_epochs=0)
        self._model.fit(embeddings)
        self._model.n_epochs = None  # of placing: as many as umap-learn finds right
        self._model.embedding_ = positions  # the fit has scaled its copy

    def place(self, vectors: FloatArray) -> FloatArray:
        """Points (M, 2) of vectors (M, D), M >= 1; they depend on which are placed together."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _checked(self._model.transform(vectors))


def framed(positions: FloatArray, of_fit: FloatArray) -> FloatArray:
    """Positions (N, 2) in the frame of the page, where those of the fit (F, 2) span [-1, 1] along
    their longer side."""
    low, high = of_fit.min(axis=0), of_fit.max(axis=0)
    half = max(float((high - low).max()) / 2, 1e-6)
    inside: FloatArray = ((positions - (low + high) / 2) / half).astype(np.float32)
    return inside


def _model(request: MapRequest, images: int, **settings: Any) -> Any:
    """An unfitted UMAP. Of vectors of unit length the Euclidean order is the cosine one."""
    import umap  # six seconds: after the request has been checked

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that a seed means one thread
        return umap.UMAP(
            n_neighbors=min(request.neighbours, images - 1),
            min_dist=request.min_distance,
            metric="euclidean",
            random_state=request.seed,
            transform_seed=request.seed,
            n_jobs=1,
            **settings,
        )


def _checked(positions: Any) -> FloatArray:
    found = np.asarray(positions, dtype=np.float32)
    if not np.isfinite(found).all():
        raise RunFailed(
            f"UMAP gave {int((~np.isfinite(found)).sum())} coordinates that are not finite; "
            f"expected finite ones; report this with the embeddings"
        )
    return found

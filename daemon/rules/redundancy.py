"""How redundant a pool of images is, in three numbers. Pure.

The share of images that have a near-duplicate; the intrinsic dimension, which says how many kinds
of differences there are (TwoNN: Facco, d'Errico, Rodriguez & Laio, "Estimating the intrinsic
dimension of datasets by a minimal neighborhood information", Scientific Reports 7, 2017,
https://arxiv.org/abs/1803.06992); and how far the pool is from the labeled images.

Of a large pool a uniform sample of images is looked at, but each is compared with *all* others: an
image of a sample has few near-duplicates in the sample, and that share would be too small.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.domain.errors import PoolInvalid

FloatArray = npt.NDArray[np.float32]
IdArray = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

MOST_SAMPLED = 2000  # images that are compared with all others
LEAST_SAMPLED = 200
MOST_PAIRED = 500  # images whose distances to each other are taken: 2 MB
MOST_WORK = 2e11  # multiplications: about 5 s on a core
BLOCK = 1024  # images of the pool that a sample is compared with at once
SAME = 1e-6  # of a squared distance in float32: nearer than that are copies
KEPT_RATIOS = 0.9  # of the ratios of TwoNN, the smallest: the largest are outliers (page 3 there)


@dataclass(frozen=True, kw_only=True)
class Redundancy:
    """What a choice of images should know of their pool.

    images: N. sampled: how many of them were compared with all others, of which the shares are.
    near_duplicates: share in [0, 1] of the images that look like another one of the pool.
    intrinsic_dimension: above 0; None with fewer than three distinct images. coverage_median,
    coverage_p95: median and 95th percentile of the Euclidean distance of an image to the nearest
    labeled one, in [0, 2]; None without labeled images. spread: median distance of two images of
    the sample, in [0, 2], which the others may be compared with; None of one image.
    """

    images: int
    sampled: int
    near_duplicates: float
    intrinsic_dimension: float | None
    coverage_median: float | None
    coverage_p95: float | None
    spread: float | None


def redundancy(
    ids: IdArray,
    embeddings: FloatArray,
    *,
    similarity: float,
    rng: np.random.Generator,
    labeled: FloatArray | None = None,
) -> Redundancy:
    """Measure a pool. O(S·(N + L)·D), S = min(N, 2000) images, fewer where that takes too long.

    ids: (N,). embeddings: (N, D), rows of unit length. labeled: (L, D). similarity: the smallest
    cosine similarity of near-duplicates, in (0, 1]. The same for shuffled rows and the same rng.
    Raises PoolInvalid that names the first image whose embedding is not finite.
    """
    order = np.argsort(ids, kind="stable")
    _refuse_bad_numbers(ids, embeddings, order)
    drawn = _sample(order, embeddings.shape[1], rng)
    first, second, most_alike = _nearest_two(embeddings, order, drawn)
    gaps = coverage(embeddings[drawn], labeled)
    return Redundancy(
        images=len(ids),
        sampled=len(drawn),
        near_duplicates=float((most_alike >= similarity).mean()) if len(drawn) else 0.0,
        intrinsic_dimension=two_nearest_dimension(first, second),
        coverage_median=None if gaps is None else float(np.median(gaps)),
        coverage_p95=None if gaps is None else float(np.quantile(gaps, 0.95)),
        spread=_spread(embeddings[drawn[rng.permutation(len(drawn))[:MOST_PAIRED]]]),
    )


def coverage(embeddings: FloatArray, labeled: FloatArray | None) -> Numbers | None:
    """Euclidean distance of each image (M, D), of unit length, to the nearest labeled one (L, D):
    (M,). None without any of either."""
    if labeled is None or not len(labeled) or not len(embeddings):
        return None
    most = np.full(len(embeddings), -np.inf)
    for rows in _blocks(np.arange(len(labeled))):
        most = np.maximum(most, (embeddings @ labeled[rows].T).max(axis=1))
    gaps: Numbers = np.sqrt(np.maximum(2 - 2 * most, 0))
    return gaps


def two_nearest_dimension(first: Numbers, second: Numbers) -> float | None:
    """The intrinsic dimension from each image's distances to its two nearest others: (M,), (M,).

    Equation 6 there: -log(1 - F(ratio)) = d · log(ratio), a line through the origin, fitted to the
    smallest nine tenths of the ratios. Left out: an image whose two nearest are copies of each
    other. None where nothing is left.
    """
    known = np.isfinite(second)
    first, second = first[known], second[known]
    distinct = second**2 - first**2 >= SAME
    ratios = np.sort(second[distinct] / first[distinct])
    if not len(ratios):
        return None
    kept = max(1, int(KEPT_RATIOS * len(ratios)))
    x = np.log(ratios[:kept])
    y = -np.log1p(-np.arange(1, kept + 1) / (len(ratios) + 1))
    return float(x @ y / (x @ x))


def _sample(order: IdArray, dimensions: int, rng: np.random.Generator) -> IdArray:
    """Rows of images to compare with all others, uniform, in the order given."""
    bearable = int(MOST_WORK / max(1, len(order) * dimensions))
    size = min(MOST_SAMPLED, max(LEAST_SAMPLED, bearable))
    if len(order) <= size:
        return order
    return order[np.sort(rng.choice(len(order), size=size, replace=False))]


def _nearest_two(
    embeddings: FloatArray, order: IdArray, drawn: IdArray
) -> tuple[Numbers, Numbers, Numbers]:
    """Of each drawn row (S,): the Euclidean distances to its two nearest images that are no copies
    of it (inf where there is none), and the cosine similarity of the nearest of all."""
    targets = embeddings[drawn]
    nearest: Numbers = np.full((2, len(drawn)), np.inf)  # squared
    most_alike = np.full(len(drawn), -np.inf)
    for rows in _blocks(order):
        products = embeddings[rows] @ targets.T  # (B, S)
        products[rows[:, None] == drawn] = -np.inf  # an image is no duplicate of itself
        np.maximum(most_alike, products.max(axis=0, initial=-np.inf), out=most_alike)
        squared = 2 - 2 * products
        squared[squared < SAME] = np.inf
        two = np.partition(squared, min(1, len(rows) - 1), axis=0)[:2]
        nearest = np.sort(np.concatenate([nearest, two]), axis=0)[:2]
    return np.sqrt(nearest[0]), np.sqrt(nearest[1]), most_alike


def _spread(rows: FloatArray) -> float | None:
    """Median distance of two of the rows (M, D)."""
    products = (rows @ rows.T)[np.triu_indices(len(rows), 1)]
    return float(np.median(np.sqrt(np.maximum(2 - 2 * products, 0)))) if products.size else None


def _blocks(rows: IdArray) -> Iterator[IdArray]:
    for start in range(0, len(rows), BLOCK):
        yield rows[start : start + BLOCK]


def _refuse_bad_numbers(ids: IdArray, embeddings: FloatArray, order: IdArray) -> None:
    with np.errstate(invalid="ignore", over="ignore"):
        bad = ~np.isfinite(np.vecdot(embeddings, embeddings))
    if bad.any():
        raise PoolInvalid(
            f"embedding of image {ids[order[bad[order]][0]]}: got NaN or inf; expected finite "
            f"numbers ({bad.sum()} of {len(ids)} images are bad); embed it again"
        )

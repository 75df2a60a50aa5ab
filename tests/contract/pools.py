"""Pools for the contract of a query strategy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from strategies.base import Pool

repeatable = settings(deadline=None, derandomize=True, max_examples=60)


def seeded() -> np.random.Generator:
    return np.random.default_rng(7)


def random_pool(images: int = 40, labeled: int = 5, dimensions: int = 6, seed: int = 0) -> Pool:
    """Every optional field is present; the ids are neither sorted nor dense."""
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((images + labeled, dimensions), dtype=np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return Pool(
        ids=rng.permutation(10 * images)[:images].astype(np.int64),
        embeddings=embeddings[:images],
        labeled=embeddings[images:],
        uncertainty=rng.random(images, dtype=np.float32),
        class_share=rng.dirichlet(np.ones(3), size=images).astype(np.float32),
    )


def grouped_pool(images: int = 100, labeled: int = 5, dimensions: int = 8) -> Pool:
    """As `random_pool`, with the images of five groups of unequal size."""
    pool = random_pool(images, labeled, dimensions, seed=1)
    rng = np.random.default_rng(2)
    centers = rng.standard_normal((5, dimensions))
    chances = np.array([0.4, 0.3, 0.15, 0.1, 0.05])

    def rows(count: int) -> np.ndarray:
        group = rng.choice(5, size=count, p=chances)
        made = centers[group] + 0.2 * rng.standard_normal((count, dimensions))
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)

    share = pool.class_share.copy()  # type: ignore[union-attr]
    share[::5], share[1::5] = (1, 0, 0), (0, 0, 1)  # background alone, the last class alone
    return replace(pool, embeddings=rows(images), labeled=rows(labeled), class_share=share)


def rows_of(pool: Pool, rows: Any) -> Pool:
    """The same images in another order, or some of them."""
    arrays = {
        name: getattr(pool, name)[rows]
        for name in ("ids", "embeddings", "uncertainty", "class_share")
    }
    return replace(pool, **arrays)


@st.composite
def coarse_pools(draw: st.DrawFn) -> Pool:
    """Small pools of small whole numbers: full of duplicates and ties, exact in float32."""
    images, labeled = draw(st.integers(0, 9)), draw(st.integers(0, 3))
    dimensions = draw(st.integers(1, 3))
    whole = st.integers(-2, 2)

    def whole_rows(rows: int) -> np.ndarray:
        return draw(hnp.arrays(np.int8, (rows, dimensions), elements=whole)).astype(np.float32)

    eighths = draw(hnp.arrays(np.int8, images, elements=st.integers(0, 8)))
    ids = draw(st.lists(st.integers(0, 99), min_size=images, max_size=images, unique=True))
    return Pool(
        ids=np.array(ids, dtype=np.int64),
        embeddings=whole_rows(images),
        labeled=whole_rows(labeled),
        uncertainty=(eighths / 8).astype(np.float32),
        class_share=np.full((images, 2), 0.5, dtype=np.float32),
    )

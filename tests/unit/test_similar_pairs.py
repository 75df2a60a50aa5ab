"""Near-duplicates of a pool in which not all are compared with all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.rules import similar_pairs
from daemon.rules.near_duplicates import FloatArray, representatives
from daemon.rules.similar_pairs import cells, representatives_of_many
from tests.fakes.embeddings import one_by_one, unit

LIMIT = 0.98


def groups(seed: int, images: int, width: int = 16) -> FloatArray:
    """Unit rows in groups of a few to dozens, wide enough that some are similar and some are not;
    none within 1e-5 of the limit, where the last bit decides."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((max(1, images // 12), width))
    rows = centers[rng.integers(len(centers), size=images)]
    rows = rows + rng.choice([0.0, 0.1, 0.2], size=(images, 1)) * rng.standard_normal(rows.shape)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    close = np.abs(rows @ rows.T - LIMIT) < 1e-5
    return rows[~np.tril(close, -1).any(axis=1)]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 300))
def test_few_kept_images_are_those_of_the_greedy_cover_whatever_the_rounds_missed(
    seed: int, images: int
) -> None:
    rows = groups(seed, images)
    ids = np.random.default_rng(seed).permutation(1000)[: len(rows)].astype(np.int64)
    expected = one_by_one(ids, rows, LIMIT)
    seen: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similar_pairs, "CELL", 20)
        patch.setattr(similar_pairs, "ROUNDS", 99)
        patch.setattr(similar_pairs, "MOST_COMPARED", (len(expected) + len(rows)) // 2)
        kept = representatives_of_many(
            ids, rows, similarity=LIMIT, known=rows[:0], rng=_rng(), progress=seen.append
        )

    assert kept == expected
    assert seen == sorted(seen)
    assert seen[-1] == len(rows)


def test_of_many_kept_images_hardly_any_is_like_another(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = groups(3, 2000)
    ids = np.arange(len(rows))
    monkeypatch.setattr(similar_pairs, "MOST_COMPARED", 0)
    monkeypatch.setattr(similar_pairs, "CELL", 64)
    exact = representatives(ids, rows, similarity=LIMIT)

    kept = representatives_of_many(ids, rows, similarity=LIMIT, known=rows[:0], rng=_rng())

    assert kept == representatives_of_many(ids, rows, similarity=LIMIT, known=rows[:0], rng=_rng())
    assert len(kept) < len(exact) * 1.01
    left = np.setdiff1d(ids, kept)
    alike = rows[left] @ rows[kept].T >= LIMIT
    assert (alike & (left[:, None] > np.array(kept))).any(axis=1).all()  # each is represented


def test_no_kept_image_is_like_one_that_was_asked() -> None:
    ids = np.array([4, 1, 2, 3])
    rows = unit(7, 0, 6, 40)

    kept = representatives_of_many(ids, rows, similarity=0.99, known=unit(3, 180), rng=_rng())

    assert kept == [3]


@pytest.mark.parametrize("images", [1, 2, 513, 3000])
def test_every_image_is_in_one_cell(images: int) -> None:
    rows = np.random.default_rng(0).standard_normal((images, 5), dtype=np.float32)

    found = list(cells(rows, np.arange(images), _rng()))

    assert sorted(np.concatenate(found).tolist()) == list(range(images))
    assert all(len(cell) <= similar_pairs.CELL for cell in found)


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)

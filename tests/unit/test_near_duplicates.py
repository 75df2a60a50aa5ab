"""Heaps of near-duplicates: in blocks, in a run, and image by image give the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.domain.errors import RunFailed
from daemon.hrda.near_duplicates import near_duplicates as run_of
from daemon.rules import near_duplicates
from daemon.rules.near_duplicates import FloatArray, representatives
from daemon.runs.run_folder import DistinctRequest, PredictResult, RunFolder, Scores
from tests.fakes.embeddings import one_by_one, unit


def heaps(seed: int, images: int, width: int) -> FloatArray:
    """Unit rows around a few directions, some of them the same to the last bit."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((max(1, images // 4), width))
    rows = centers[rng.integers(len(centers), size=images)]
    rows = rows + rng.choice([0.0, 0.02, 0.3], size=(images, 1)) * rng.standard_normal(rows.shape)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32)


def test_heaps_of_near_duplicates_keep_their_lowest_id() -> None:
    ids = np.array([30, 10, 20])

    kept = representatives(ids, unit(1, 0, 90), similarity=0.99)

    assert kept == [10, 20]  # 30 is one degree from 10


def test_an_image_that_only_a_left_out_one_is_like_stays() -> None:
    kept = representatives(np.array([1, 2, 3]), unit(0, 6, 12), similarity=0.99)  # 8 degrees

    assert kept == [1, 3]  # 2 is like 1; 3 is like 2, which represents nobody


def test_images_like_a_known_one_are_left_out_with_all_that_they_would_represent() -> None:
    ids = np.array([1, 2, 3])

    kept = representatives(ids, unit(0, 6, 40), similarity=0.99, known=unit(3, 180))

    assert kept == [3]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 90), st.sampled_from([2, 8, 48]), st.integers(1, 40))
def test_blocks_give_what_one_by_one_gives(seed: int, images: int, width: int, block: int) -> None:
    rows = heaps(seed, images, width)
    ids = np.random.default_rng(seed).permutation(1000)[:images].astype(np.int64)
    products = (rows @ rows.T)[~np.eye(images, dtype=bool)]
    # Halfway between two neighbouring similarities: there the last bit decides nothing.
    levels = np.unique(np.append(products, [0.9, 1.0]).round(4))
    at = int(np.argmax(np.diff(levels))) if len(levels) > 1 else 0
    limit = float(levels[at : at + 2].mean())
    seen: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_duplicates, "BLOCK", block)
        patch.setattr(near_duplicates, "COLUMNS", 7)
        for similarity in (0.98, limit):
            if np.abs(products - similarity).min(initial=1.0) < 1e-5:
                continue
            seen.clear()
            kept = representatives(ids, rows, similarity=similarity, progress=seen.append)

            assert kept == one_by_one(ids, rows, similarity)
            assert seen == sorted(seen)
            assert seen[-1:] == ([images] if images else [])


def run_with(folder: Path, *embedded: dict[int, FloatArray]) -> tuple[Path, ...]:
    """The score files of embed runs with these embeddings."""
    paths = []
    for number, table in enumerate(embedded):
        run = RunFolder(folder / f"{number:04d}-embed")
        run.path.mkdir()
        ids = np.array(list(table), dtype=np.int64)
        run.write_scores(Scores(ids=ids, embeddings=np.stack(list(table.values()))))
        paths.append(run.scores_file)
    return tuple(paths)


def test_a_run_reads_all_embed_runs_and_the_last_one_counts(tmp_path: Path) -> None:
    a, b, c, d = unit(0, 1, 90, 180)
    paths = run_with(tmp_path, {1: a, 2: c, 9: d}, {2: b, 3: c})
    run = RunFolder(tmp_path / "0001-select")
    request = DistinctRequest(
        classes=("a", "b"), embeddings=paths, candidates=(3, 2, 1), asked=(9,), similarity=0.99
    )
    run.write_request(request)

    run_of(run, run.read_request(DistinctRequest))

    assert run.read_kept().tolist() == [1, 3]  # 2 is like 1 since it was embedded again
    assert run.read_result(PredictResult).images == 3
    progress = run.read_progress()
    assert progress is not None
    assert (progress.step, progress.steps) == (3, 3)


def test_a_run_refuses_an_image_that_has_no_embedding(tmp_path: Path) -> None:
    paths = run_with(tmp_path, {1: unit(0)[0]})
    run = RunFolder(tmp_path / "0001-select")
    request = DistinctRequest(
        classes=("a", "b"), embeddings=paths, candidates=(1, 7), asked=(), similarity=0.99
    )
    run.write_request(request)

    with pytest.raises(RunFailed, match="the first is 7"):
        run_of(run, request)
    assert not run.finished()

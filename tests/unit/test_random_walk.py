"""The random walker: one linear system, against a dense solve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daemon.clicks.random_walk import (
    BACKGROUND,
    BETA,
    FLOOR,
    FREE,
    OBJECT,
    WalkProblem,
    walk_probability,
)


def dense_solution(problem: WalkProblem) -> np.ndarray:
    """The same system, pixel by pixel and without a trick."""
    rows, columns = problem.seeds.shape
    matrix, right = np.zeros((rows * columns,) * 2), np.zeros(rows * columns)
    prior = np.zeros((rows, columns)) if problem.prior is None else problem.prior
    for y in range(rows):
        for x in range(columns):
            here = y * columns + x
            if problem.seeds[y, x] != FREE:
                matrix[here, here], right[here] = 1, problem.seeds[y, x] == OBJECT
                continue
            matrix[here, here] += problem.gamma
            right[here] += problem.gamma * prior[y, x]
            for down in (-1, 0, 1):
                for across in (-1, 0, 1):
                    v, u = y + down, x + across
                    if (down or across) and 0 <= v < rows and 0 <= u < columns:
                        gap = problem.features[y, x].astype(float) - problem.features[v, u]
                        distance = np.hypot(down, across)
                        weight = np.exp(-BETA * (gap**2).sum() / distance) + FLOOR
                        matrix[here, here] += weight
                        matrix[here, v * columns + u] -= weight
    return np.linalg.solve(matrix, right).reshape(rows, columns)


@settings(max_examples=15, deadline=None)
@example(seed=311, gamma=0.002, size=(1, 9))  # a chain, where a small residual hides an error
@given(
    seed=st.integers(0, 10_000),
    gamma=st.sampled_from([0.0, 0.002, 0.02, 0.5]),
    size=st.sampled_from([(20, 20), (7, 20), (20, 3), (1, 9), (9, 1)]),
)
def test_the_solution_is_a_probability_and_equals_a_dense_solve(
    seed: int, gamma: float, size: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    seeds = np.full(size, FREE, np.int8)
    seeds[0, 0], seeds[-1, -1] = OBJECT, BACKGROUND
    problem = WalkProblem(
        features=(rng.random((*size, 4)) * 0.1).astype(np.float32),
        seeds=seeds,
        prior=rng.random(size).astype(np.float32),
        gamma=gamma,
    )

    found = walk_probability(problem)

    assert found.min() >= 0
    assert found.max() <= 1
    assert np.abs(found - dense_solution(problem)).max() < 1e-3


def test_a_start_near_the_solution_changes_nothing_but_the_time() -> None:
    rng = np.random.default_rng(0)
    seeds = np.full((20, 20), FREE, np.int8)
    seeds[3, 3], seeds[15] = OBJECT, BACKGROUND
    features = (rng.random((20, 20, 3)) * 0.1).astype(np.float32)
    cold = walk_probability(WalkProblem(features=features, seeds=seeds))

    warm = walk_probability(WalkProblem(features=features, seeds=seeds, start=cold))

    assert np.abs(warm - cold).max() < 1e-3


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1)])
def test_an_image_of_a_pixel_has_a_solution(size: tuple[int, int]) -> None:
    features = np.zeros((*size, 3), np.float32)
    seeds = np.full(size, FREE, np.int8)

    assert np.allclose(walk_probability(WalkProblem(features=features, seeds=seeds)), 0.5)
    seeds[0, 0] = OBJECT
    assert np.allclose(walk_probability(WalkProblem(features=features, seeds=seeds)), 1, atol=1e-3)

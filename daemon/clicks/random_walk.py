"""The random walker with a prior: who arrives first from each pixel, object or background.

Grady, Random walks for image segmentation, PAMI 2006; with priors: Grady, CVPR 2005. One linear
system (L + gamma I) x = gamma p over an 8-neighbour grid, solved by conjugate gradients with the
Jacobi preconditioner. No BLAS: its threads would take the cores of a training, and sums would
depend on their number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import dia_array

from daemon.clicks.click import FloatMap

FREE, BACKGROUND, OBJECT = -1, 0, 1  # values of seeds
BETA = 300.0  # how much a difference of features separates neighbours
FLOOR = 1e-5  # smallest weight: every pixel can be reached
TOLERANCE = 1e-5  # of the residual, against that of the right side; a chain is 1e-3 off at 1e-4
MOST_STEPS = 300

SeedMap = npt.NDArray[np.int8]
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))  # the other four are the same edges


@dataclass(frozen=True, kw_only=True)
class WalkProblem:
    """features: (rows, columns, channels). seeds: (rows, columns) of FREE, BACKGROUND or OBJECT.
    prior: (rows, columns) in 0..1, the probability that counts with weight `gamma` at each pixel.
    start: a solution to begin with."""

    features: FloatMap
    seeds: SeedMap
    prior: FloatMap | None = None
    gamma: float = 0.0
    start: FloatMap | None = None


def walk_probability(
    problem: WalkProblem, *, tolerance: float = TOLERANCE, most_steps: int = MOST_STEPS
) -> FloatMap:
    """(rows, columns) in 0..1: the probability of the object. Without any seed or prior: 0.5."""
    shape = problem.seeds.shape
    fixed = problem.seeds.ravel() != FREE
    value = np.where(fixed, problem.seeds.ravel() == OBJECT, 0).astype(np.float32)
    weights = edge_weights(problem.features)
    degree = np.full(fixed.size, problem.gamma, np.float32)
    right = np.zeros(fixed.size, np.float32)
    if problem.prior is not None:
        right += np.float32(problem.gamma) * problem.prior.ravel()
    matrix = _system(weights, shape, fixed, value, degree, right)
    start = _start_of(problem, fixed, value)
    found = _conjugate_gradients(matrix, degree, right, start, tolerance, most_steps)
    return found.clip(0, 1).reshape(shape)


def edge_weights(features: FloatMap) -> dict[tuple[int, int], FloatMap]:
    """(rows, columns) for each neighbour (down, right): the weight of the edge to it; 0 where it
    lies outside."""
    rows, columns = features.shape[:2]
    found: dict[tuple[int, int], FloatMap] = {}
    for down, right in _NEIGHBOURS:
        first, last = max(-right, 0), columns - max(right, 0)
        here = features[: rows - down, first:last]
        there = features[down:, first + right : last + right]
        gap = here - there
        squared = np.einsum("ijk,ijk->ij", gap, gap)
        weight = np.zeros((rows, columns), np.float32)
        distance = np.hypot(down, right)
        weight[: rows - down, first:last] = np.exp(-BETA / distance * squared) + FLOOR
        found[down, right] = weight
    return found


def _system(
    weights: dict[tuple[int, int], FloatMap],
    shape: tuple[int, ...],
    fixed: npt.NDArray[np.bool_],
    value: FloatMap,
    degree: FloatMap,
    right: FloatMap,
) -> dia_array:
    """The matrix of the free pixels; `degree`, its diagonal, and `right` are filled in place.

    Rows of seeds are those of the identity; what seeds give to their neighbours is in `right`.
    """
    count, rows, columns = fixed.size, *shape
    diagonals: dict[int, FloatMap] = {0: degree}
    for (down, across), weight in weights.items():
        step = down * columns + across
        if down >= rows or abs(across) >= columns:
            continue
        edge = weight.ravel()[: count - step]
        degree[: count - step] += edge
        degree[step:] += edge
        right[: count - step] += edge * value[step:]
        right[step:] += edge * value[: count - step]
        free = np.where(fixed[: count - step] | fixed[step:], np.float32(0), -edge)
        padding = np.zeros(step, np.float32)
        for offset, parts in ((-step, (free, padding)), (step, (padding, free))):
            diagonal = np.concatenate(parts)  # two columns: two neighbours have one offset
            diagonals[offset] = diagonals.get(offset, np.float32(0)) + diagonal
    degree[fixed], right[fixed] = 1, value[fixed]
    alone = degree == 0  # an image of one pixel, without a prior
    degree[alone], right[alone] = 1, 0.5
    return dia_array((np.stack([*diagonals.values()]), [*diagonals]), shape=(count, count))


def _start_of(problem: WalkProblem, fixed: npt.NDArray[np.bool_], value: FloatMap) -> FloatMap:
    start = np.full(fixed.size, 0.5, np.float32)
    if problem.start is not None:
        start[:] = problem.start.ravel()
    elif problem.prior is not None and problem.gamma > 0:
        start[:] = problem.prior.ravel()
    start[fixed] = value[fixed]
    return start


def _conjugate_gradients(
    matrix: dia_array,
    diagonal: FloatMap,
    right: FloatMap,
    start: FloatMap,
    tolerance: float,
    most_steps: int,
) -> FloatMap:
    """The solution; the scaled residual is at most `tolerance` of that of the right side, unless
    the steps do not suffice."""
    found, scale = start.copy(), np.asarray(1 / diagonal, np.float32)
    residual = right - matrix @ found
    scaled = residual * scale
    direction, energy = scaled.copy(), _inner(residual, scaled)
    enough = tolerance**2 * _inner(right, right * scale)
    for _ in range(most_steps):
        if energy <= enough:
            break
        moved = matrix @ direction
        length = np.float32(energy / _inner(direction, moved))
        found += length * direction
        residual -= length * moved
        np.multiply(residual, scale, out=scaled)
        before, energy = energy, _inner(residual, scaled)
        direction *= np.float32(energy / before)
        direction += scaled
    return found


def _inner(one: FloatMap, other: FloatMap) -> float:
    return float(np.add.reduce(one * other, dtype=np.float64))

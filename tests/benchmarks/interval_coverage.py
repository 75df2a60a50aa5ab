"""How often the 95 % interval of an mIoU holds the true value: the method of
daemon.rules.miou_interval.py against the percentile bootstrap that it replaced.

    python tests/benchmarks/interval_coverage.py [REPETITIONS] [SEED]

For each population (tests/fakes/populations.py) and each number of images: draws so many images,
REPETITIONS times, and counts. The true value is the mIoU of all images of the population, over
the classes that the drawn images hold. "given": the share of the draws for which there is an
interval at all; the others say why not. The last lines are COVERAGE of interval.py.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from daemon.rules.miou_interval import MIN_HOLDING, intersection_and_union, interval_limits
from tests.fakes.populations import CHECKED_ON, CHOSEN_ON, Population

SIZES = (8, 12, 16, 32, 64, 200)
IMAGES = 40_000  # of a population
GROUP = 10  # images of a group, in the last part
BOOTSTRAPPED = 1000  # draws that the old method is counted on: it is slow
RESAMPLES = 400
AT_ONCE = 3_000_000  # numbers of one array


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    found: dict[int, list[float]] = defaultdict(list)
    parts_of: Mapping[str, Mapping[str, Population]] = {
        "chosen on": CHOSEN_ON, "checked on": CHECKED_ON
    }  # fmt: skip
    for part, populations in parts_of.items():
        for name, population in populations.items():
            print(f"\n{part} {name}")
            for size, covered in of_population(population, repetitions, seed).items():
                found[size].append(covered)
    print("\ngroups of 10 images, drawn whole; images: number of groups")
    for name in ("soy", "two_classes", "poor_model"):
        print(f"\n{name}")
        of_population(CHOSEN_ON[name], repetitions, seed, GROUP)
    print("\nCOVERAGE: images, mean, lowest and highest over the populations")
    for size, values in found.items():
        known = [value for value in values if not np.isnan(value)]
        print(f"{size:5d} {np.mean(known):.3f} {min(known):.3f} {max(known):.3f}")


def of_population(
    population: Population, repetitions: int, seed: int, group: int = 1
) -> dict[int, float]:
    rng = np.random.default_rng(seed)
    matrices, groups = population.matrices(IMAGES * group, rng, group)
    if group > 1:
        summed = np.zeros((int(groups.max()) + 1, *matrices.shape[1:]), np.int64)
        np.add.at(summed, groups, matrices)
        matrices = summed
    hit, either, held = intersection_and_union(matrices)
    truth = hit.sum(axis=0) / either.sum(axis=0)
    print(f"  true mIoU {truth.mean():.3f}, IoU {np.round(truth, 2).tolist()}")
    return {size: _count((hit, either, held), truth, size, repetitions, rng) for size in SIZES}


def _count(arrays, truth, size, repetitions, rng) -> float:
    most = max(1, AT_ONCE // (size * len(truth)))
    covered, given, width, old, drawn = 0, 0, 0.0, [], 0
    while drawn < repetitions:
        rows = rng.integers(len(arrays[0]), size=(min(most, repetitions - drawn), size))
        drawn += len(rows)
        hit, either, held = (array[rows] for array in arrays)
        holding = held.sum(axis=1)
        wanted = np.nanmean(np.where(holding > 0, truth, np.nan), axis=1)
        several = (holding > 0).sum(axis=1) > 1
        good = several & ((holding == 0) | (holding >= MIN_HOLDING)).all(axis=1)
        if good.any():
            low, high = interval_limits(hit[good], either[good], held[good])
            covered += int(((low <= wanted[good]) & (wanted[good] <= high)).sum())
            width += float((high - low).sum())
            given += int(good.sum())
        for row in np.flatnonzero(several)[: max(0, BOOTSTRAPPED - len(old))]:
            low, high = _bootstrap(hit[row], either[row], held[row], rng)
            old.append(low <= wanted[row] <= high)
    share = covered / given if given >= 100 else float("nan")
    print(
        f"  images {size:4d}  covers {share:.3f}  (width {width / max(1, given):.3f}, "
        f"given {given / drawn:.2f})  percentile bootstrap {np.mean(old):.3f}",
        flush=True,
    )
    return share


def _bootstrap(hit, either, held, rng) -> tuple[float, float]:
    """The method of before."""
    count = len(hit)
    drawn = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(drawn @ held > 0, (drawn @ hit) / (drawn @ either), np.nan)
    low, high = np.quantile(np.nanmean(ratio, axis=1), [0.025, 0.975])
    return low, high


if __name__ == "__main__":
    main()

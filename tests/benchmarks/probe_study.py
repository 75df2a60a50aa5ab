"""How sure the probe's order of the arms is, and how well it agrees with that of HRDA.

    maskloop simulate --learner probe --arms ARM,ARM --seeds 0,1,2 ... --out DIR   (can be stopped)
    python -m tests.benchmarks.probe_study DIR/results.json [HRDA/results.json] [ARM ...]

An arm's advantage is its area under the curve minus that of random with the same seed. Kendall's
tau compares orders of the arms by mean advantage. That of random halves of the seeds says how well
the study agrees with itself: it cannot agree better with another one. Further arms are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from daemon.experiment.simulation.run_figures import BASELINE, RunFigures
from daemon.experiment.simulation.simulated_runs import Simulation
from daemon.insight.arm_ranking import rank_agreement
from daemon.insight.paired_difference import mean_estimate

SPLITS = 200  # of the seeds in two halves

Advantages = Mapping[str, Mapping[int, float]]


def advantages(simulation: Simulation, without: Collection[str]) -> Advantages:
    """Arm -> seed -> area minus that of random; 0 for random itself."""
    figures = RunFigures(simulation)
    baseline = figures.areas(BASELINE)
    return {
        arm: {seed: area - baseline[seed] for seed, area in areas.items() if seed in baseline}
        for arm in figures.arms
        if arm not in without and (areas := figures.areas(arm))
    }


def means(found: Advantages, seeds: Collection[int]) -> dict[str, float]:
    """Arm -> mean over these seeds; arms that lack one are left out."""
    wanted = set(seeds)
    return {
        arm: float(np.mean([by_seed[seed] for seed in sorted(wanted)]))
        for arm, by_seed in found.items()
        if wanted <= by_seed.keys()
    }


def own_agreement(found: Advantages) -> tuple[float, int]:
    """Mean tau between two halves of the seeds that all arms have, and how many these are."""
    shared = sorted(set.intersection(*(set(by_seed) for by_seed in found.values())))
    rng, taus = np.random.default_rng(0), []
    for _ in range(SPLITS):
        order = rng.permutation(shared).tolist()
        half = len(order) // 2
        agreed = rank_agreement(means(found, order[:half]), means(found, order[half : 2 * half]))
        if agreed is not None:
            taus.append(agreed.tau)
    return (float(np.mean(taus)) if taus else float("nan")), len(shared)


def print_arms(found: Advantages) -> None:
    rows = []
    for arm, by_seed in found.items():
        if arm != BASELINE and by_seed:
            rows.append((arm, mean_estimate(list(by_seed.values()))))
    print("| arm | advantage in area | 95 % | pairs |\n|---|---|---|---|")
    for arm, estimate in sorted(rows, key=lambda row: -row[1].mean):
        low, high = estimate.interval or (float("nan"), float("nan"))
        print(f"| {arm} | {estimate.mean:+.4f} | {low:+.4f} to {high:+.4f} | {estimate.n} |")


def main(arguments: Sequence[str]) -> None:
    files = [word for word in arguments if word.endswith(".json")]
    without = set(arguments) - set(files)
    studies = [
        advantages(Simulation.model_validate_json(Path(file).read_bytes()), without)
        for file in files
    ]
    for file, study in zip(files, studies, strict=True):
        print(f"\n{file}")
        print_arms(study)
        tau, seeds = own_agreement(study)
        print(f"tau of two halves of {seeds} seeds, mean of {SPLITS} splits: {tau:.2f}")
    if len(studies) == 2:
        first, second = (
            {arm: float(np.mean(list(by_seed.values()))) for arm, by_seed in study.items()}
            for study in studies
        )
        print("both:", rank_agreement(first, second) or "fewer than three arms in both")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Simulations whose truth is known: saturating curves, a lead per arm, noise per training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from daemon.experiment.simulation.simulated_runs import (
    FullLabelPoint,
    SimulatedPoint,
    SimulatedRun,
    Simulation,
)

COUNTS = (16, 32, 48, 64)
VALIDATION = 16


def simulation(
    leads: Mapping[str, float],
    *,
    seeds: Sequence[int] = range(6),
    few_seeds: Mapping[str, Sequence[int]] | None = None,
    noise: float = 0.004,
    replicates: int = 2,
    counts: Sequence[int] = COUNTS,
    full: bool = True,
) -> Simulation:
    """leads: arm -> true lead over random from the second label count on, in mIoU."""
    rng = np.random.default_rng(0)
    request = {
        "arms": list(leads),
        "seeds": list(seeds),
        "cycles": len(counts),
        "images": "/field/images",
        "splits": "/field/splits.json",
        "preset": "cpu",
        "test": 40,
        "versions": {"commit": "0" * 40},
    }
    runs = []
    for seed in seeds:
        start = rng.normal(0, 0.03)
        first = _miou(counts, 0, start, 0.0, noise, rng)
        for arm, lead in leads.items():
            if seed not in (few_seeds or {}).get(arm, seeds):
                continue
            for replicate in range(1 + (replicates if arm == "random" else 0)):
                points = tuple(
                    _point(
                        cycle,
                        counts,
                        first
                        if cycle == replicate == 0
                        else _miou(counts, cycle, start, lead, noise, rng),
                    )
                    for cycle in range(len(counts))
                )
                runs.append(SimulatedRun(arm=arm, seed=seed, replicate=replicate, points=points))
    return Simulation(
        classes=("soil", "crop", "weed"),
        request=request,
        complete=True,
        runs=tuple(runs),
        full=(FullLabelPoint(method="hrda", seed=0, train_labels=200, miou=0.83, iou={}),) * full,
    )


def _miou(
    counts: Sequence[int],
    cycle: int,
    start: float,
    lead: float,
    noise: float,
    rng: np.random.Generator,
) -> float:
    left = float(np.exp(-(counts[cycle] - counts[0]) / 30))
    ahead = lead if cycle else 0.0
    return float(np.clip(0.8 - (0.15 - start) * left + ahead + rng.normal(0, noise), 0, 1))


def _point(cycle: int, counts: Sequence[int], miou: float) -> SimulatedPoint:
    return SimulatedPoint(
        cycle=cycle + 1,
        train_labels=counts[cycle],
        labels=counts[cycle] + VALIDATION,
        miou=miou,
        iou={"soil": 0.95, "crop": min(1.0, miou + 0.05), "weed": max(0.0, miou - 0.2)},
        holding={"soil": counts[cycle], "crop": counts[cycle], "weed": counts[cycle] // 3},
        redundancy=0.25 if cycle else None,
        iterations=600,
        seconds=90.0,
    )

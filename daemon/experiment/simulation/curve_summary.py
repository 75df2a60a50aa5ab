"""A simulation as the page of a project's curve shows it: means over seeds, by arm. Pure."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePath

import numpy as np

from daemon.experiment.simulation.comparison import ArmResult, Comparison, compare
from daemon.experiment.simulation.simulated_runs import Simulation
from daemon.insight.paired_difference import MeanEstimate
from daemon.insight.simulated_curves import (
    ArmPoint,
    FullLabels,
    Saving,
    SimulatedArm,
    SimulatedCurves,
)


def curve_summary(
    simulation: Simulation, rng: np.random.Generator, kept_at: datetime
) -> SimulatedCurves:
    """What the page draws of it. rng: of the bootstrap. Raises ExperimentRefused for a run that it
    holds twice."""
    found, request = compare(simulation, rng), simulation.request
    images, tests = request.get("images"), request.get("test")
    return SimulatedCurves(
        images=PurePath(str(images or "")).name or "a data set without a name",
        test_images=tests if isinstance(tests, int) and tests >= 0 else None,
        complete=found.complete,
        kept_at=kept_at.isoformat(),
        arms=tuple(_arm(arm, found) for arm in found.arms),
        full=_full(simulation, found),
        savings=tuple(saving for arm in found.arms if (saving := _saving(arm))),
    )


def _arm(arm: ArmResult, found: Comparison) -> SimulatedArm:
    points = []
    for point in arm.points:
        if point.mean is None:
            continue
        low, high = _ends(point.mean)
        points.append(
            ArmPoint(
                train_labels=point.train_labels,
                labels=found.all_labels[point.train_labels],
                miou=point.mean.mean,
                low=low,
                high=high,
                runs=point.mean.n,
            )
        )
    return SimulatedArm(name=arm.arm, points=tuple(points))


def _full(simulation: Simulation, found: Comparison) -> tuple[FullLabels, ...]:
    labels = {point.method: point.train_labels for point in simulation.full}
    return tuple(
        FullLabels(method=method, train_labels=labels[method], miou=mean.mean, runs=mean.n)
        for method, mean in found.full.items()
    )


def _saving(arm: ArmResult) -> Saving | None:
    if arm.saved is None:
        return None
    low, high = arm.saved.interval or (None, None)
    return Saving(
        arm=arm.arm,
        level=arm.saved.level,
        saved=arm.saved.saved,
        low=low,
        high=high,
        pairs=arm.saved.pairs,
        coverage=arm.saved.coverage,
    )


def _ends(mean: MeanEstimate) -> tuple[float | None, float | None]:
    return mean.interval or (None, None)

"""About how long an experiment takes. Pure.

Measured on one core of an EPYC with AVX-512 BF16 (tests/benchmarks/RESULTS.md, soy, 384 px, preset
`cpu`): a guess for any other machine. The trainings of the same folder that have ended replace it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.config.learner import settings_of
from daemon.experiment.recipes.experiment_plan import ExperimentPlan
from daemon.experiment.recipes.experiment_records import ArmRun

# Method -> seconds of an iteration with 4 crops of 256 px: 400 s by 693 and 1481 iterations, and
# 751 CPU seconds by 1500.
ITERATION_S: Mapping[str, float] = {"hrda": 0.58, "supervised": 0.27, "segformer": 0.50}
CROP_PIXELS = 4 * 256 * 256
IMAGE_S = 0.15  # to measure a test image of 384 px
EMBED_S = 0.053
START_S = 10.0  # of a process
AUDIT_ITERATIONS = 300  # of each of its two models


@dataclass(frozen=True, kw_only=True)
class TimeEstimate:
    """seconds: of all that is not done yet. by_arm: of one training with its measurement. measured:
    the arms whose time is that of trainings of this folder."""

    seconds: float
    by_arm: Mapping[str, float]
    measured: tuple[str, ...]


def estimate_time(
    plan: ExperimentPlan, runs: Sequence[ArmRun], *, chosen: bool, audits: bool, cores: int
) -> TimeEstimate:
    """runs: that are done. chosen: whether the sample is. audits: whether the labels will be
    audited. cores: that the trainings share."""
    images = len({*plan.lists.labeled, *plan.lists.pool, *plan.lists.test})
    by_arm, measured = {}, []
    for arm in plan.recipe.arms:
        own = [run for run in runs if run.arm == arm]
        if own:
            measured.append(arm)
            by_arm[arm] = sum(run.seconds + run.test_seconds for run in own) / len(own)
        else:
            by_arm[arm] = _training_s(plan, arm, cores)
    done = {(run.arm, run.seed) for run in runs}
    left = [by_arm[arm] for arm, seed in plan.trainings() if (arm, seed) not in done]
    start = 0.0 if chosen else START_S + images * EMBED_S / cores
    pictures = len(plan.recipe.arms) * START_S if plan.recipe.report.pictures else 0.0
    start += 2 * (START_S + AUDIT_ITERATIONS * ITERATION_S["supervised"] / cores) if audits else 0.0
    seconds = start + sum(left) / (plan.parallel or 1) + pictures
    return TimeEstimate(seconds=seconds, by_arm=by_arm, measured=tuple(measured))


def _training_s(plan: ExperimentPlan, arm: str, cores: int) -> float:
    settings = settings_of(plan.recipe.settings_of(arm))
    work = settings.minibatch * settings.context_px**2 / CROP_PIXELS
    limit = plan.recipe.limit_of(arm)
    used = max(1.0, float(cores**0.7))  # a second core is not worth a whole one
    trained = (
        settings.iterations * ITERATION_S[plan.recipe.arms[arm].method] * work / used
        if limit is None
        else limit
    )
    return 2 * START_S + trained + len(plan.lists.test) * IMAGE_S / used

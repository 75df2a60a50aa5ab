"""What an experiment will do, in lines, before it does it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.domain.formatting import count, duration
from daemon.experiment.recipes.audit_job import NOT_INSTALLED, NOT_WANTED
from daemon.experiment.recipes.experiment_plan import ExperimentPlan
from daemon.experiment.recipes.time_estimate import TimeEstimate


def plan_lines(
    plan: ExperimentPlan, time: TimeEstimate, *, done: int, audited: bool
) -> Iterator[str]:
    """done: trainings that are saved. audited: whether an audit is installed."""
    recipe, lists = plan.recipe, plan.lists
    yield f"{recipe.title or plan.read.name}: {plan.read.source}"
    yield (
        f"data: {plan.read.home}: {', '.join(plan.classes)}; {count(len(lists.test), 'test image')}"
        f", {count(len(lists.pool), 'image')} in the pool, {len(plan.masked)} with a mask"
    )
    yield from (f"lists: {words}" for words in lists.words)
    yield f"1. sample: {_sample(plan)}"
    wanted = recipe.audit.run
    words = f"{count(plan.sampled(), 'label')}, each by a model that did not learn from it"
    yield f"2. audit: {words if wanted and audited else NOT_INSTALLED if wanted else NOT_WANTED}"
    yield "3. train and measure, the same labels for all arms of one size:"
    yield from (f"   {line}" for line in _arms(plan, time))
    yield f"4. report: {plan.folder.page_file} and report.json"
    total = sum(1 for _ in plan.trainings())
    known = f"{', '.join(time.measured)}: as measured here; " if time.measured else ""
    yield (
        f"{count(total, 'training')}, {done} of them done; about {duration(time.seconds)} left, "
        f"{plan.parallel or 'as many as fit'} at once ({known}others: guessed from figures of one "
        f"other machine without a GPU; a GPU is much faster)"
    )


def _sample(plan: ExperimentPlan) -> str:
    sample, labeled = plan.recipe.sample, len(plan.lists.labeled)
    if labeled:
        return f"the {count(labeled, 'labeled image')} of the recipe; all images are embedded"
    groups = f", even over the groups of {sample.group_by}" if sample.group_by else ""
    return (
        f"{count(sample.n, 'image')} of {len(plan.masked)} by {sample.by}, seed {sample.seed}, "
        f"without near-duplicates (cosine {sample.similarity:g}) of each other and of test{groups}"
    )


def _arms(plan: ExperimentPlan, time: TimeEstimate) -> Iterator[str]:
    for name, arm in plan.recipe.arms.items():
        labels, limit = plan.labels_of(name), plan.recipe.limit_of(name)
        others = len(plan.lists.pool) - (0 if plan.lists.labeled else labels)
        pool = f" and {others} unlabeled" if arm.learns_from_pool() else ""
        length = (
            f"{plan.iterations_of(name)} iterations"
            if limit is None
            else f"{duration(limit)} of training"
        )
        seeds = ", ".join(map(str, plan.recipe.seeds_of(name)))
        yield (
            f"{name}: {arm.method}, {count(labels, 'label')}{pool}, {length}, "
            f"seeds {seeds}: about {duration(time.by_arm[name])} each"
        )

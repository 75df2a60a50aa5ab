"""The arms of an experiment in figures: means over seeds, differences of pairs, shares of the
reference. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from daemon.experiment.recipes.experiment_records import ArmRun, Found
from daemon.experiment.recipes.recipe_model import Recipe
from daemon.insight.paired_difference import (
    MeanEstimate,
    Verdict,
    judge,
    mean_estimate,
    paired_difference,
)
from daemon.insight.reached_share import ReachedShare, reached_share


@dataclass(frozen=True, kw_only=True)
class ArmFigures:
    """An arm over its seeds. runs: by seed. miou, iou (class -> estimate), image_miou: None where
    no run has the figure. seconds, cpu_seconds: mean of a training."""

    arm: str
    runs: tuple[ArmRun, ...]
    miou: MeanEstimate | None
    iou: Mapping[str, MeanEstimate | None]
    image_miou: MeanEstimate | None
    seconds: float | None
    cpu_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class ArmDifference:
    """mIoU of one arm minus that of another over the seeds that both have."""

    arm: str
    other: str
    difference: MeanEstimate
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class ReferenceShare:
    """What an arm reaches of a reference. reference: an arm, or the words of a published figure.
    miou, reference_miou: means over the pairs."""

    arm: str
    reference: str
    published: bool
    miou: float
    reference_miou: float
    reached: ReachedShare


@dataclass(frozen=True, kw_only=True)
class ExperimentFigures:
    """All arms in the order of the recipe."""

    arms: tuple[ArmFigures, ...]
    differences: tuple[ArmDifference, ...]
    shares: tuple[ReferenceShare, ...]


def experiment_figures(found: Found, recipe: Recipe) -> ExperimentFigures:
    """Work out all figures of an experiment, finished or not."""
    arms = tuple(_arm(name, found) for name in recipe.arms)
    figures = {arm.arm: {r.seed: r.miou for r in arm.runs if r.miou is not None} for arm in arms}
    return ExperimentFigures(
        arms=arms,
        differences=tuple(_differences(figures)),
        shares=tuple(_shares(figures, recipe)),
    )


def _arm(name: str, found: Found) -> ArmFigures:
    runs = tuple(sorted((r for r in found.runs if r.arm == name), key=lambda run: run.seed))
    return ArmFigures(
        arm=name,
        runs=runs,
        miou=estimate([run.miou for run in runs]),
        iou={label: estimate([run.iou.get(label) for run in runs]) for label in found.classes},
        image_miou=estimate(
            [float(np.mean(list(run.image_miou.values()))) for run in runs if run.image_miou]
        ),
        seconds=float(np.mean([run.seconds for run in runs])) if runs else None,
        cpu_seconds=float(np.mean([run.cpu_seconds for run in runs])) if runs else None,
    )


def estimate(figures: Sequence[float | None]) -> MeanEstimate | None:
    """The mean of the figures that are there."""
    known = [figure for figure in figures if figure is not None]
    return mean_estimate(known) if known else None


def _differences(figures: Mapping[str, Mapping[int, float]]) -> list[ArmDifference]:
    """Of every two arms with a seed in common, the better one first."""
    found = []
    for first, second in itertools.combinations(figures, 2):
        seeds = sorted(figures[first].keys() & figures[second].keys())
        if not seeds:
            continue
        sides = [[figures[arm][seed] for seed in seeds] for arm in (first, second)]
        difference = paired_difference(sides[0], sides[1])
        if difference.mean < 0:
            first, second = second, first
            difference = paired_difference(sides[1], sides[0])
        found.append(
            ArmDifference(
                arm=first, other=second, difference=difference, verdict=judge(difference, None)
            )
        )
    return found


def _shares(figures: Mapping[str, Mapping[int, float]], recipe: Recipe) -> list[ReferenceShare]:
    """Of the reference arm, then of each published figure."""
    constants = {
        words: dict.fromkeys(recipe.training.seeds, miou)
        for words, miou in recipe.report.published.items()
    }
    reference = recipe.report.reference
    references = {reference: figures[reference]} if reference in figures else {}
    found = []
    for words, other in (*references.items(), *constants.items()):
        published = words in constants
        for arm, own in figures.items():
            values = dict.fromkeys(own, next(iter(other.values()))) if published else other
            seeds = sorted(own.keys() & values.keys())
            reached = reached_share([own[s] for s in seeds], [values[s] for s in seeds])
            if reached is None or (arm == reference and not published):
                continue
            found.append(
                ReferenceShare(
                    arm=arm,
                    reference=words,
                    published=published,
                    miou=float(np.mean([own[s] for s in seeds])),
                    reference_miou=float(np.mean([values[s] for s in seeds])),
                    reached=reached,
                )
            )
    return found

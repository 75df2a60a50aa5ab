"""What a simulation shows: every arm against random choice. Pure; the caller brings the rng."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from daemon.experiment.simulation.run_figures import BASELINE, RunFigures
from daemon.experiment.simulation.simulated_runs import Simulation
from daemon.insight.arm_ranking import RankAgreement, rank_agreement, rarest_class
from daemon.insight.label_efficiency import LabelsSaved, labels_saved, labels_to_reach
from daemon.insight.paired_difference import (
    MIN_PAIRS,
    MeanEstimate,
    Verdict,
    judge,
    mean_estimate,
    paired_difference,
    pairs_to_decide,
)
from daemon.insight.training_noise import TrainingNoise, difference_band, training_noise

AUTO = "auto"
REACHED_SHARES = (0.9, 0.95)  # of the full-label mIoU


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A paired difference of figures, larger is better, and what it proves.

    band: half the width of the noise of training for a difference of two means of so many pairs;
    None without A/A runs. pairs_needed: with which a difference of this size would be found with
    power 0.8; None: over a thousand, or the spread is unknown.
    """

    difference: MeanEstimate
    band: float | None
    verdict: Verdict
    pairs_needed: int | None


@dataclass(frozen=True, kw_only=True)
class ArmPoint:
    """An arm at one number of training labels. figures: seed -> mIoU. against: random; None for
    random itself, without a pair, and where both arms hold the same labels (the first point)."""

    train_labels: int
    figures: Mapping[int, float]
    mean: MeanEstimate | None
    against: Judgement | None


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """An arm over all label counts; what rests on whole curves is None without one.

    area: normalised, mean over seeds. reached: share of the full-label mIoU -> training labels at
    which the mean curve reaches it, None: never. rarest: IoU of the rarest class with the most
    labels. redundancy: mean over batches. seconds: of a training, mean.
    """

    arm: str
    points: tuple[ArmPoint, ...]
    area: MeanEstimate | None
    against: Judgement | None
    reached: Mapping[float, float | None]
    saved: LabelsSaved | None
    rarest: MeanEstimate | None
    rarest_against: Judgement | None
    redundancy: float | None
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class BestOther:
    """`auto` against the other arm that it leads least, or trails most, by area over shared seeds.
    That arm was chosen by the same figures, so the difference is on the pessimistic side."""

    arm: str
    against: Judgement


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """train_labels: rising. all_labels: the same with validation. full: method -> mIoU with all
    labels. rarest_class, rarest_by: its name, and "pixels" or "images" that it was found by.
    referred: whether another simulation was given; agreement: with its ranking."""

    arms: tuple[ArmResult, ...]
    train_labels: tuple[int, ...]
    all_labels: Mapping[int, int]
    seeds: tuple[int, ...]
    full: Mapping[str, MeanEstimate]
    full_labels: int | None
    noise: TrainingNoise | None
    area_noise: TrainingNoise | None
    rarest_class: str | None
    rarest_by: str
    best_other: BestOther | None
    referred: bool
    agreement: RankAgreement | None
    complete: bool

    def arm(self, name: str) -> ArmResult | None:
        """The result of an arm, None where it was not run."""
        return next((result for result in self.arms if result.arm == name), None)


def compare(
    simulation: Simulation, rng: np.random.Generator, reference: Simulation | None = None
) -> Comparison:
    """Work out all figures of a simulation, finished or not.

    rng: of the bootstrap. reference: another one, whose ranking of the arms is compared. Raises
    ExperimentRefused for a run that it holds twice.
    """
    figures = RunFigures(simulation)
    full = _full_labels(simulation)
    rarest, by = _rarest(figures)
    area_noise = training_noise(figures.repeated_areas())
    noise = training_noise(figures.repeated_points())
    return Comparison(
        arms=tuple(
            _arm(arm, figures, full, rarest, noise, area_noise, rng) for arm in figures.arms
        ),
        train_labels=figures.train_labels,
        all_labels=figures.all_labels,
        seeds=figures.seeds,
        full=full,
        full_labels=max((point.train_labels for point in simulation.full), default=None),
        noise=noise,
        area_noise=area_noise,
        rarest_class=rarest,
        rarest_by=by,
        best_other=_best_other(figures, area_noise),
        referred=reference is not None,
        agreement=ranking_agreement(simulation, reference) if reference else None,
        complete=simulation.complete,
    )


def ranking_agreement(first: Simulation, second: Simulation) -> RankAgreement | None:
    """Kendall's tau between the arms of two simulations, such as the probe's and HRDA's.

    Arms are ordered by `advantages`. None with fewer than three arms in both.
    """
    return rank_agreement(advantages(RunFigures(first)), advantages(RunFigures(second)))


def advantages(figures: RunFigures) -> dict[str, float]:
    """Arm -> mean area minus that of random with the same seeds, which is fair to arms with fewer
    seeds; arms without a pair are left out. Without random: the mean area."""
    baseline = figures.areas(BASELINE)
    found = {}
    for arm in figures.arms:
        areas = figures.areas(arm)
        pairs = [areas[s] - baseline[s] for s in areas if s in baseline]
        gains = pairs if baseline else list(areas.values())
        if gains:
            found[arm] = mean_estimate(gains).mean
    return found


def _arm(
    arm: str,
    figures: RunFigures,
    full: Mapping[str, MeanEstimate],
    rarest: str | None,
    noise: TrainingNoise | None,
    area_noise: TrainingNoise | None,
    rng: np.random.Generator,
) -> ArmResult:
    areas, points = figures.areas(arm), list(figures.points(arm))
    last = figures.train_labels[-1] if figures.train_labels else 0
    rarest_iou = {name: _iou(figures, name, last, rarest) for name in (arm, BASELINE)}
    redundancy = [point.redundancy for point in points if point.redundancy is not None]
    return ArmResult(
        arm=arm,
        points=tuple(_point(arm, count, figures, noise) for count in figures.train_labels),
        area=mean_estimate(list(areas.values())) if areas else None,
        against=_against(arm, figures.areas, area_noise),
        reached=_reached(arm, figures, full),
        saved=_saved(arm, figures, rng),
        rarest=mean_estimate(list(rarest_iou[arm].values())) if rarest_iou[arm] else None,
        rarest_against=_against(arm, lambda name: rarest_iou[name], None),
        redundancy=float(np.mean(redundancy)) if redundancy else None,
        seconds=float(np.mean([point.seconds for point in points])) if points else None,
    )


def _point(arm: str, count: int, figures: RunFigures, noise: TrainingNoise | None) -> ArmPoint:
    def at_count(name: str) -> dict[int, float]:
        points = figures.at(name, count)
        return {s: point.miou for s, point in points.items() if point.miou is not None}

    found, baseline = at_count(arm), at_count(BASELINE)
    shared = count == figures.train_labels[0] and all(
        found[seed] == baseline[seed] for seed in found.keys() & baseline.keys()
    )
    return ArmPoint(
        train_labels=count,
        figures=found,
        mean=mean_estimate(list(found.values())) if found else None,
        against=None if shared else _against(arm, at_count, noise),
    )


def _against(
    arm: str, figures_of: Callable[[str], Mapping[int, float]], noise: TrainingNoise | None
) -> Judgement | None:
    """An arm against the baseline by their figures, seed -> figure; None without a pair."""
    if arm == BASELINE:
        return None
    return _judged(figures_of(arm), figures_of(BASELINE), noise)


def _judged(
    found: Mapping[int, float], other: Mapping[int, float], noise: TrainingNoise | None
) -> Judgement | None:
    seeds = sorted(found.keys() & other.keys())
    if not seeds:
        return None
    difference = paired_difference([found[s] for s in seeds], [other[s] for s in seeds])
    band = difference_band(noise, len(seeds)) if noise else None
    sd = None if difference.n < MIN_PAIRS else difference.sd  # of two pairs it says nothing
    needed = None if sd is None else pairs_to_decide(difference.mean, sd)
    return Judgement(
        difference=difference,
        band=band,
        verdict=judge(difference, band),
        pairs_needed=needed,
    )


def _reached(
    arm: str, figures: RunFigures, full: Mapping[str, MeanEstimate]
) -> dict[float, float | None]:
    """Of the highest full-label mIoU; empty without one, or without a whole curve."""
    curves = list(figures.curves(arm).values())
    if not full or not curves:
        return {}
    highest = max(estimate.mean for estimate in full.values())
    mean = np.mean(curves, axis=0).tolist()
    return {
        share: labels_to_reach(figures.train_labels, mean, share * highest)
        for share in REACHED_SHARES
    }


def _saved(arm: str, figures: RunFigures, rng: np.random.Generator) -> LabelsSaved | None:
    ours, theirs = figures.curves(arm), figures.curves(BASELINE)
    seeds = sorted(ours.keys() & theirs.keys())
    if arm == BASELINE or not seeds or len(figures.train_labels) < 2:
        return None
    arm_curves, baseline = (np.array([found[s] for s in seeds]) for found in (ours, theirs))
    return labels_saved(figures.train_labels, arm_curves, baseline, rng)


def _iou(figures: RunFigures, arm: str, count: int, name: str | None) -> dict[int, float]:
    """Seed -> IoU of a class."""
    found = {seed: point.iou.get(name or "") for seed, point in figures.at(arm, count).items()}
    return {seed: iou for seed, iou in found.items() if iou is not None}


def _rarest(figures: RunFigures) -> tuple[str | None, str]:
    """By the pixels where the request knows them ("class_pixels"), else by how many of the first
    labels hold it, summed over seeds."""
    simulation, pixels = figures.simulation, figures.simulation.request.get("class_pixels")
    known = pixels if isinstance(pixels, Mapping) else {}
    holding: dict[str, int] = {}
    firsts = {run.seed: run.points[0] for run in simulation.runs if run.points}
    for point in firsts.values():
        for name, images in point.holding.items():
            holding[name] = holding.get(name, 0) + images
    by = "pixels" if all(name in known for name in simulation.classes[1:]) else "images"
    return rarest_class(simulation.classes, known, holding), by


def _full_labels(simulation: Simulation) -> dict[str, MeanEstimate]:
    found: dict[str, list[float]] = {}
    for point in simulation.full:
        if point.miou is not None:
            found.setdefault(point.method, []).append(point.miou)
    return {method: mean_estimate(figures) for method, figures in found.items()}


def _best_other(figures: RunFigures, noise: TrainingNoise | None) -> BestOther | None:
    ours = figures.areas(AUTO)
    others = {
        arm: judged
        for arm in figures.arms
        if arm != AUTO and (judged := _judged(ours, figures.areas(arm), noise))
    }
    if len(others) < 2:  # with random alone the headline says it
        return None
    best = min(others, key=lambda arm: others[arm].difference.mean)
    return BestOther(arm=best, against=others[best])

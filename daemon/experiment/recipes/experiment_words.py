"""An experiment in sentences: what was found, what it rests on, what it does not show. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from daemon.domain.formatting import ABSENT, count, duration, fraction, interval, signed
from daemon.experiment.recipes.experiment_figures import (
    ArmFigures,
    ExperimentFigures,
    ReferenceShare,
)
from daemon.experiment.recipes.experiment_records import Found
from daemon.experiment.recipes.recipe_model import Recipe
from daemon.insight.paired_difference import MeanEstimate, Verdict

NO_INTERVAL = "one run, no interval"
DECIDES = 0.02  # change of the mIoU from which a single test image is worth a sentence


def estimate_text(found: MeanEstimate | None) -> str:
    """A mean with its interval over the seeds; never an interval from one."""
    if found is None:
        return ABSENT
    if found.interval is None:
        return f"{fraction(found.mean)} ({NO_INTERVAL})"
    return f"{fraction(found.mean)} ({interval(found.interval)}; n = {found.n})"


def difference_text(found: MeanEstimate) -> str:
    """A difference with the interval over its pairs."""
    if found.interval is None:
        return f"{signed(found.mean)} (one pair, no interval)"
    low, high = map(signed, found.interval)
    return f"{signed(found.mean)} ({low} to {high}; {count(found.n, 'pair')})"


def share_text(one: ReferenceShare) -> str:
    """The share of the reference with its interval."""
    reached = one.reached
    share = f"{100 * reached.share:.1f} %"
    if reached.interval is None:
        return f"{share} ({'one run' if one.published else 'one pair'}, no interval)"
    low, high = (f"{100 * end:.1f}" for end in reached.interval)
    noun = "run" if one.published else "pair"
    return f"{share} ({low} to {high} %; {count(reached.pairs, noun)})"


def audit_kinds(found: Found) -> str:
    """How many places of each kind the audit found; "" where it does not say kinds."""
    places = found.audit.findings if found.audit else ()
    counts = Counter(one.kind for one in places if one.kind)
    return ", ".join(f"{kind} {number}" for kind, number in counts.most_common())


def headline(found: Found, recipe: Recipe, figures: ExperimentFigures) -> tuple[str, str]:
    """The result in a few words, and a sentence with its numbers."""
    unfinished = "" if found.complete else "Not finished. "
    measured = [arm for arm in figures.arms if arm.miou]
    if not measured:
        return recipe.title or "No result yet", f"{unfinished}No arm is measured yet."
    first = next(iter(recipe.arms))
    own = [one for one in figures.shares if one.arm == first]
    if own:
        one = own[0]
        numbers = f"{fraction(one.miou)} against {fraction(one.reference_miou)} mIoU"
        labels = labels_text(next(arm for arm in figures.arms if arm.arm == first))
        words = f"{first} reaches {share_text(one).split(' (', maxsplit=1)[0]} of {one.reference}"
        return words, f"{unfinished}With {labels}: {numbers}; {share_text(one)}."
    best = max(measured, key=lambda arm: arm.miou.mean if arm.miou else 0)
    return recipe.title or f"{best.arm} has the highest mIoU", (
        f"{unfinished}Highest mIoU: {best.arm} with {labels_text(best)}, "
        f"{estimate_text(best.miou)}."
    )


def labels_text(arm: ArmFigures) -> str:
    """Labels and unlabeled images of an arm."""
    if not arm.runs:
        return ABSENT
    run = arm.runs[0]
    pool = f" and {count(run.unlabeled, 'unlabeled image')}" if run.unlabeled else ""
    return f"{count(run.train_labels, 'label')}{pool}"


def missing(found: Found, recipe: Recipe) -> list[str]:
    """What was asked and is not there, a line each."""
    lines = [f"{fault.job}: {fault.message}" for fault in found.faults]
    done = {(run.arm, run.seed) for run in found.runs}
    for arm in recipe.arms:
        seeds = [str(seed) for seed in recipe.seeds_of(arm) if (arm, seed) not in done]
        if seeds:
            lines.append(f"{arm}: not trained with seed {', '.join(seeds)}")
    return lines


def caveats(found: Found, recipe: Recipe, figures: ExperimentFigures) -> list[str]:
    """What the figures do not show."""
    lines = [
        "mIoU is of the summed confusion matrix and includes background; a class that no test mask "
        "holds is left out.",
        "The seeds change the training, not the labels: an interval holds the noise of training, "
        "and neither that of another choice of labels nor that of other test images. The interval "
        "of a single model in the table of trainings is over the test images, or their groups, and "
        "nothing else.",
    ]
    numbers = {len(arm.runs) for arm in figures.arms if arm.runs}
    if numbers and min(numbers) < 3:
        lines.append(
            "An arm with fewer than three seeds proves no difference, however large it looks."
        )
    judged = [one for one in figures.differences if one.verdict is not Verdict.NOT_ENOUGH_PAIRS]
    if len(judged) > 1:
        lines.append(
            f"{len(judged)} differences are judged: where no two arms differed, one in 20 "
            f"intervals would leave out 0 by chance."
        )
    lines += _deciding(figures)
    if any(one.published for one in figures.shares):
        lines.append(
            "A published figure comes from other test images, labels or trainings; it is taken as "
            "it was written, without an interval of its own."
        )
    if found.audit is not None and not found.audit.done:
        lines.append("The labels were not audited: what is wrong in them counts for and against.")
    lines.append(
        "Not measured: time of annotators, energy, other data sets, other lengths of training. "
        "Minutes and CPU seconds are those of this machine while it did other work too; CPU "
        "seconds are read every moment, and the last moment of a process is missed."
    )
    return lines


def _deciding(figures: ExperimentFigures) -> Iterator[str]:
    for arm in figures.arms:
        for run in arm.runs[:1]:
            one = run.deciding
            if one and run.miou is not None and abs(run.miou - one.without) >= DECIDES:
                yield (
                    f"{arm.arm}, seed {run.seed}: one test image decides much: without {one.image} "
                    f"the mIoU is {fraction(one.without)} instead of {fraction(run.miou)}."
                )


def picture_rule(recipe: Recipe, found: Found) -> str:
    """How the pictures were chosen."""
    first = next(iter(recipe.arms))
    return (
        f"Chosen by a rule and not by hand: {first}, seed {recipe.seeds_of(first)[0]}, ranks the "
        f"{count(len(found.choice.test) if found.choice else 0, 'test image')} by the mean IoU of "
        f"the classes in truth or prediction of the image, so that a few pixels of a class that "
        f"only the prediction has cost much; shown are the best, those around the median and the "
        f"worst. All arms are shown with their first seed."
    )


def time_text(seconds: float | None) -> str:
    """Of a training."""
    return duration(seconds)

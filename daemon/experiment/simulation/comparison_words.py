"""A comparison in sentences: what was found, what was measured, what that does not prove. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from daemon.domain.formatting import count, duration, fraction, signed
from daemon.experiment.simulation.comparison import AUTO, ArmResult, Comparison, Judgement
from daemon.experiment.simulation.run_figures import BASELINE, RunFigures
from daemon.experiment.simulation.simulated_runs import Simulation
from daemon.insight.label_efficiency import LabelsSaved
from daemon.insight.paired_difference import (
    LEVEL,
    MIN_PAIRS,
    Interval,
    MeanEstimate,
    Verdict,
    smallest_difference,
)

MOST_LISTED = 10  # lines of what is missing; the rest is counted
SHORT = 40  # characters of a name; an arm is named after a strategy


def short_name(name: str) -> str:
    """A name in one line of printable characters, at most 40."""
    text = printable(name)
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}\N{HORIZONTAL ELLIPSIS}"


def printable(text: str) -> str:
    """Text in one line, with a sign in place of what cannot be printed."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def interval_text(ends: Interval | None) -> str:
    """Both ends with their signs; words where there is none."""
    return f"{signed(ends[0])} to {signed(ends[1])}" if ends else "no interval"


def percent(share: float) -> str:
    """A share as "25 %"."""
    return f"{100 * share:.0f} %"


def pairs_text(judged: Judgement) -> str:
    """How many pairs would decide; empty where the verdict is a difference already."""
    if judged.verdict is Verdict.NOT_ENOUGH_PAIRS:
        return f"at least {MIN_PAIRS} to decide"
    if judged.verdict is not Verdict.WITHIN_NOISE:
        return ""
    if judged.pairs_needed is None:
        return "over 1000 pairs to decide"
    return f"{count(max(judged.pairs_needed, MIN_PAIRS), 'pair')} to decide"


def reached_text(labels: float | None, comparison: Comparison) -> str:
    """Training labels at which a curve reaches a level."""
    if labels is None:
        return "not reached"
    rounded = f"{labels:.0f}"
    return f"{rounded} or fewer" if labels == comparison.train_labels[0] else rounded


def saved_text(saved: LabelsSaved) -> str:
    """The labels saved with their interval; fewer than none are labels more."""
    if saved.interval is None:
        return f"{_signed_count(saved.saved)} (no interval)"
    low, high = map(_signed_count, saved.interval)
    return f"{_signed_count(saved.saved)} ({low} to {high})"


def _signed_count(number: float) -> str:
    text = f"{round(number):+d}".replace("-", "\N{MINUS SIGN}")
    return text if round(number) else "0"


def main_arm(comparison: Comparison) -> ArmResult | None:
    """The arm that the headline is about: `auto`, else the one that leads random most."""
    others = [arm for arm in comparison.arms if arm.against]
    auto = next((arm for arm in others if arm.arm == AUTO), None)
    return auto or max(
        others, key=lambda arm: arm.against.difference.mean if arm.against else 0, default=None
    )


def headline(comparison: Comparison) -> tuple[str, str]:
    """The result in a few words, and a sentence with its numbers."""
    arm = main_arm(comparison)
    if arm is None or arm.against is None:
        return "No result yet", (
            f"No seed has a whole curve of both {BASELINE} and another arm, so nothing can be "
            f"compared over all label counts."
        )
    name, judged = short_name(arm.arm), arm.against
    difference = judged.difference
    numbers = (
        f"{signed(difference.mean)} mIoU against {BASELINE}, mean over {_span(comparison)} "
        f"(95 %: {interval_text(difference.interval)}; {count(difference.n, 'pair')})"
    )
    words = {
        Verdict.BETTER: f"{name} is better than {BASELINE}",
        Verdict.WORSE: f"{name} is worse than {BASELINE}",
        Verdict.WITHIN_NOISE: f"{name} and {BASELINE}: no difference is proved",
        Verdict.NOT_ENOUGH_PAIRS: f"{name} and {BASELINE}: not enough pairs",
    }[judged.verdict]
    unfinished = "" if comparison.complete else "Not finished: "
    return words, f"{unfinished}{numbers}. {_labels_sentence(arm)}{_decision(judged)}".strip()


def _span(comparison: Comparison) -> str:
    return f"{comparison.train_labels[0]} to {comparison.train_labels[-1]} training labels"


def _labels_sentence(arm: ArmResult) -> str:
    if arm.saved is None:
        return ""
    saved, most = arm.saved, "no interval"
    if saved.interval:
        low, high = saved.interval
        most = f"95 %: {low:.0f} to {high:.0f}".replace("-", "\N{MINUS SIGN}")
    number = round(saved.saved)
    words = f"{count(abs(number), 'label')} {'fewer' if number > 0 else 'more'}"
    return (
        f"It needs {words if number else 'as many labels'} for the same mIoU of "
        f"{fraction(saved.level)} (labels saved, {most}). "
    )


def _decision(judged: Judgement) -> str:
    if judged.verdict is Verdict.WITHIN_NOISE and judged.pairs_needed is not None:
        needed = max(judged.pairs_needed, MIN_PAIRS)
        return f"If that difference is the true one, {count(needed, 'pair')} would show it."
    if judged.verdict is Verdict.NOT_ENOUGH_PAIRS:
        return f"A verdict takes at least {MIN_PAIRS} pairs."
    return ""


def missing(simulation: Simulation) -> list[str]:
    """What was asked for and is not there, a line each."""
    figures = RunFigures(simulation)
    lines = [] if simulation.complete else ["The simulation is not finished."]
    lines += [f"{short_name(fault.job)}: {printable(fault.message)}" for fault in simulation.faults]
    found = [*_missing_runs(simulation, figures), *_missing_points(simulation)]
    if BASELINE not in figures.arms:
        lines.append(f"There is no arm {BASELINE}, so no arm can be compared with it.")
    if not simulation.full:
        lines.append("No training on all labels: there is no full-label line.")
    if not figures.repeated_points():
        lines.append(
            "No A/A runs: the noise of training is not known, so a verdict rests on the interval "
            "over the pairs alone."
        )
    rest = len(found) - MOST_LISTED
    return lines + found[:MOST_LISTED] + ([f"And {rest} more."] if rest > 0 else [])


def _missing_runs(simulation: Simulation, figures: RunFigures) -> Iterator[str]:
    asked = simulation.request.get("cycles")
    most = max((len(run.points) for run in simulation.runs), default=0)
    wanted = asked if isinstance(asked, int) and asked > 0 else most
    absent: dict[tuple[int, ...], list[str]] = {}  # seeds -> the arms without them
    begun = []
    for arm in figures.arms:
        runs = {seed: figures.run(arm, seed) for seed in figures.seeds}
        trained = {seed: len(run.points) if run else 0 for seed, run in runs.items()}
        seeds = tuple(seed for seed, number in trained.items() if not number)
        absent.setdefault(seeds, []).append(short_name(arm))
        begun += [
            f"{short_name(arm)}: {number} of {wanted} trainings with seed {seed}."
            for seed, number in trained.items()
            if 0 < number < wanted
        ]
    for seeds, arms in absent.items():
        if seeds:
            noun = "seed" if len(seeds) == 1 else "seeds"
            yield f"{', '.join(arms)}: no training with {noun} {_ranges(seeds)}."
    yield from begun


def _ranges(numbers: Sequence[int]) -> str:
    """Rising numbers as "0, 2 to 5"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(texts)


def _missing_points(simulation: Simulation) -> Iterator[str]:
    for run in simulation.runs:
        for point in run.points:
            if point.miou is None:
                yield (
                    f"{short_name(run.arm)}: no mIoU of the test images with seed {run.seed} and "
                    f"{point.train_labels} training labels."
                )


def measured(simulation: Simulation, comparison: Comparison) -> list[str]:
    """What was measured, in sentences."""
    request = simulation.request
    points = RunFigures(simulation).trainings()
    lines = [
        f"{count(len(points), 'training')} of {count(len(comparison.arms), 'arm')} with "
        f"{count(len(comparison.seeds), 'seed')}{_length(simulation)}; mIoU includes background "
        f"and is measured on {_test_images(request.get('test'))} that the loop never sees.",
        "A pair is two arms with the same seed: the same first labels, the same validation images, "
        "the same first model. The interval of a difference is Student's t over the pairs.",
    ]
    noise = comparison.noise
    if noise:
        lines.append(
            f"Training again on the same labels with another seed moves the mIoU by a standard "
            f"deviation of {fraction(noise.sd)} ({count(noise.trainings, 'training')} of "
            f"{count(noise.groups, 'set')} of labels, {noise.freedom} degrees of freedom)."
        )
    if comparison.rarest_class:
        how = {
            "pixels": "fewest pixels in the training masks",
            "images": "held by the fewest of the first labeled images",
        }[comparison.rarest_by]
        lines.append(f"The rarest class is {short_name(comparison.rarest_class)}: {how}.")
    return lines


def _length(simulation: Simulation) -> str:
    iterations = [point.iterations for run in simulation.runs for point in run.points]
    preset = simulation.request.get("preset")
    words = f", preset {short_name(preset)}" if isinstance(preset, str) else ""
    low, high = min(iterations, default=0), max(iterations, default=0)
    if high:
        words += f", {low} iterations" if low == high else f", {low} to {high} iterations"
    return f"{words} each"


def _test_images(number: object) -> str:
    return count(number, "test image") if isinstance(number, int) else "test images"


def caveats(simulation: Simulation, comparison: Comparison) -> list[str]:
    """What the figures do not show, in sentences made from them."""
    judged = [
        point.against
        for arm in comparison.arms
        for point in arm.points
        if point.against and point.against.verdict is not Verdict.NOT_ENOUGH_PAIRS
    ]
    lines = [
        "One data set and one length of training: other images, or longer trainings, may order the "
        "arms otherwise.",
    ]
    if judged:
        lines.append(
            f"{count(len(judged), 'verdict')} at single label counts: where no arm differed, one "
            f"in {round(1 / LEVEL)} intervals would leave out 0 by chance. Trust the verdict over "
            f"all labels first."
        )
    main = main_arm(comparison)
    if main and main.against:
        lines += _sensitivity(short_name(main.arm), main.against.difference)
    if main and main.saved and main.saved.coverage:
        lines.append(
            f"The interval of the labels saved draws the pairs again (bootstrap). With "
            f"{count(main.saved.pairs, 'pair')} such an interval held the true number in "
            f"{percent(main.saved.coverage)} of simulated cases at the worst, not in 95 %. Between "
            f"two label counts curves are read off a straight line."
        )
    if comparison.best_other:
        lines.append(
            f"{short_name(comparison.best_other.arm)} was chosen as the best other arm by these "
            f"same figures, so it looks better than it is."
        )
    seconds = sum(point.seconds for point in RunFigures(simulation).trainings())
    return [*lines, f"The trainings took {duration(seconds)} together."]


def _sensitivity(name: str, difference: MeanEstimate) -> Iterator[str]:
    if difference.sd:
        found = smallest_difference(difference.sd, difference.n)
        yield (
            f"{count(difference.n, 'pair')} with a standard deviation of {fraction(difference.sd)} "
            f"would find a true difference of {fraction(found)} mIoU between {name} and "
            f"{BASELINE} in four of five studies; smaller ones are missed more often."
        )

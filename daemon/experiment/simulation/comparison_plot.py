"""curve.png and curve.svg by matplotlib: the arms against random, and the curve of each."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.domain.formatting import count
from daemon.experiment.simulation.comparison import (
    ArmPoint,
    ArmResult,
    Comparison,
    Judgement,
)
from daemon.experiment.simulation.comparison_drawing import drawn_interval
from daemon.experiment.simulation.comparison_page import seed_counts
from daemon.experiment.simulation.comparison_words import headline, short_name
from daemon.experiment.simulation.run_figures import BASELINE
from daemon.insight.paired_difference import Verdict
from daemon.runs.durable import atomic_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
ARM, RANDOM, FULL, BAND, INK = "#3f6fbf", "#8b8378", "#7a5fb5", "#d9ddd8", "#18221c"
COLOUR = {
    Verdict.BETTER: "#1d6b48",
    Verdict.WORSE: "#a3271f",
    Verdict.WITHIN_NOISE: "#56635b",
    Verdict.NOT_ENOUGH_PAIRS: "#b97a1c",
}
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#98a29b",
    "text.parse_math": False,  # a name may hold a dollar sign
    "svg.hashsalt": "maskloop",  # the same figures give the same file
}


def draw_plot(comparison: Comparison, files: Sequence[Path]) -> None:
    """Draw into each file, by its extension; nothing with fewer than two label counts.

    Without a display, and without matplotlib's global state of figures.
    """
    if len(comparison.train_labels) < 2:
        return
    import matplotlib as mpl

    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # a name in another script
        figure = _figure(comparison)
        for file in files:
            kind = file.suffix.removeprefix(".")
            date = {"Date": None} if kind == "svg" else {}
            drawn = io.BytesIO()
            figure.savefig(drawn, format=kind, dpi=150, metadata=date)
            with atomic_file(file) as part:
                part.write_bytes(drawn.getvalue())


def _figure(comparison: Comparison) -> Figure:
    from matplotlib.figure import Figure

    judged = sorted(
        (arm for arm in comparison.arms if arm.against),
        key=lambda arm: arm.against.difference.mean if arm.against else 0,
    )
    measured = [arm for arm in comparison.arms if any(point.mean for point in arm.points)]
    arms = [arm for arm in measured if arm.arm != BASELINE] or measured
    columns = min(COLUMNS if len(arms) <= COLUMNS**2 else COLUMNS + 1, len(arms))
    heights = [0.3 * len(judged) + 0.7] if judged else []
    heights += [2.4, 1.2] * math.ceil(len(arms) / columns)
    size = max(7.0, 3.7 * columns), sum(heights) + 1.6
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.add_gridspec(len(heights), columns, height_ratios=heights)
    if judged:
        _draw_bars(figure.add_subplot(grid[0, :]), judged)
    curves = strip = None
    for number, arm in enumerate(arms):
        row, column = bool(judged) + 2 * (number // columns), number % columns
        curves = figure.add_subplot(grid[row, column], sharey=curves)
        strip = figure.add_subplot(grid[row + 1, column], sharex=curves, sharey=strip)
        _draw_curves(curves, arm, comparison)
        _draw_strip(strip, arm.points)
        curves.tick_params(labelbottom=False, labelleft=column == 0)
        strip.tick_params(labelleft=column == 0)
        if number + columns >= len(arms):  # nothing stands below it
            strip.set_xlabel("training labels")
        if column == 0:
            curves.set_ylabel("mIoU")
            strip.set_ylabel("minus\nrandom")
    _add_words(figure, comparison)
    return figure


def _draw_bars(axes: Axes, judged: Sequence[ArmResult]) -> None:
    """Differences over all labels, the largest on top."""
    for row, arm in enumerate(judged):
        one = arm.against
        if one is None:
            continue
        if one.band:
            axes.barh(row, 2 * one.band, left=-one.band, height=0.9, color=BAND, zorder=0)
        _draw_whisker(axes, one, row, across=True)
        words = f"{one.verdict.value}, {count(one.difference.n, 'pair')}"
        place = axes.get_yaxis_transform()  # x: share of the width
        axes.text(1.01, row, words, color=COLOUR[one.verdict], va="center", transform=place)
    axes.axvline(0, color=INK, lw=0.8)
    axes.margins(x=0.05)
    axes.set_yticks(range(len(judged)), [short_name(arm.arm) for arm in judged])
    axes.set_ylim(-0.6, len(judged) - 0.4)
    axes.set_title("mIoU minus that of random, mean over all label counts", loc="left", fontsize=9)


def _draw_whisker(axes: Axes, one: Judgement, at: float, *, across: bool) -> None:
    """A mean difference as a dot, empty without a verdict, and its interval as a line."""
    mean, colour, ends = one.difference.mean, COLOUR[one.verdict], drawn_interval(one.difference)
    fill = "white" if one.verdict is Verdict.NOT_ENOUGH_PAIRS else colour
    bars: Any = ((ends, {}), ((mean,), {"marker": "o", "ms": 5, "mfc": fill}))
    for values, style in bars:
        places = [at] * len(values)
        pair = (values, places) if across else (places, values)
        axes.plot(*pair, color=colour, lw=1.8, **style)


def _draw_curves(axes: Axes, arm: ArmResult, comparison: Comparison) -> None:
    baseline = comparison.arm(BASELINE)
    both = [(baseline, RANDOM), (arm, ARM)] if baseline and baseline is not arm else [(arm, ARM)]
    for one, colour in both:
        seeds = {seed for point in one.points for seed in point.figures}
        for seed in sorted(seeds):
            line = [(p.train_labels, p.figures[seed]) for p in one.points if seed in p.figures]
            axes.plot(*zip(*line, strict=True), color=colour, lw=0.7, alpha=0.5)
        means = [(p.train_labels, p.mean) for p in one.points if p.mean]
        x = [labels for labels, _ in means]
        axes.plot(x, [estimate.mean for _, estimate in means], color=colour, lw=2.4)
        low, high = ([drawn_interval(estimate)[end] for _, estimate in means] for end in (0, 1))
        axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
    for full in comparison.full.values():
        axes.axhline(full.mean, color=FULL, lw=1.2, ls="--")
    axes.set_title(short_name(arm.arm), loc="left", fontsize=10, fontweight="bold")
    axes.grid(axis="y", color="#e2e6e1", lw=0.6)


def _draw_strip(axes: Axes, points: Sequence[ArmPoint]) -> None:
    """Differences to random at each label count, as paired intervals."""
    axes.axhline(0, color=INK, lw=0.8)
    judged = [(point.train_labels, point.against) for point in points if point.against]
    for labels, one in judged:
        _draw_whisker(axes, one, labels, across=False)
    bands = [one.band for _, one in judged if one.band]
    if bands:
        axes.axhspan(-max(bands), max(bands), color=BAND, lw=0, zorder=0)
    axes.set_xticks([point.train_labels for point in points])


def _add_words(figure: Figure, comparison: Comparison) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    line, noise, seeds = Line2D, comparison.noise, seed_counts(comparison)
    entries: list[tuple[Any, str]] = [
        (line([], [], color=ARM, lw=2.4), "the arm, mean"),
        (line([], [], color=RANDOM, lw=2.4), "random, mean"),
        (line([], [], color=ARM, lw=0.7, alpha=0.6), "one seed"),
        (Patch(color=ARM, alpha=0.2), f"95 % t-interval of the mean over seeds{seeds}"),
        (line([], [], color=INK, marker="o", lw=1.6), "difference, paired 95 % t-interval"),
        (line([], [], color=INK, marker="o", mfc="white", lw=0), "difference of too few pairs"),
    ]
    if comparison.full:
        names = ", ".join(map(short_name, comparison.full))
        full = line([], [], color=FULL, lw=1.2, ls="--")
        entries.append((full, f"all {comparison.full_labels} labels: {names}"))
    if noise:
        words = f"noise of training: 95 %, A/A, {noise.freedom} degrees of freedom"
        entries.append((Patch(color=BAND), words))
    keys, labels = [key for key, _ in entries], [text for _, text in entries]
    figure.legend(keys, labels, loc="outside lower left", ncols=2, frameon=False, fontsize=8)
    figure.suptitle(headline(comparison)[0], x=0.01, ha="left", fontsize=14, fontweight="bold")

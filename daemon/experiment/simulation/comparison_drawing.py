"""Where the lines of the page's small plots lie, in pixels of their SVG. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.domain.formatting import signed
from daemon.experiment.report_pages.axes import Axis, Mark, Whisker, padded_axis, svg_points
from daemon.experiment.simulation.comparison import (
    ArmPoint,
    ArmResult,
    Comparison,
    Judgement,
)
from daemon.experiment.simulation.comparison_words import short_name
from daemon.experiment.simulation.run_figures import BASELINE
from daemon.insight.paired_difference import MIN_PAIRS, Interval, MeanEstimate, Verdict

WIDTH, LEFT, RIGHT = 340, 44, 330  # px
TOP, BOTTOM = 10, 190  # of the curves
STRIP_TOP, STRIP_BOTTOM = 222, 292  # of the differences
BAR_WIDTH, BAR_MARGIN = 300, 20
CSS = {
    Verdict.BETTER: "better",
    Verdict.WORSE: "worse",
    Verdict.WITHIN_NOISE: "noise",
    Verdict.NOT_ENOUGH_PAIRS: "few",
}


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Differences to random below the curves. band: top and height of the noise of training."""

    zero_px: float
    band: tuple[float, float] | None
    marks: tuple[Mark, ...]
    whiskers: tuple[Whisker, ...]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One arm beside random. Lines and areas are the `points` of SVG."""

    arm: str
    css: str
    seeds: tuple[str, ...]
    random_seeds: tuple[str, ...]
    mean: str
    random_mean: str
    area: str
    random_area: str
    full: tuple[Mark, ...]
    x_marks: tuple[Mark, ...]
    y_marks: tuple[Mark, ...]
    strip: Strip | None


@dataclass(frozen=True, kw_only=True)
class Bar:
    """The difference of an arm to random over all labels, for the list on top of the page."""

    arm: str
    against: Judgement
    css: str
    whisker: Whisker
    band: tuple[float, float] | None


def panels(comparison: Comparison) -> list[Panel]:
    """One for each arm with a measured point but random; random alone has one of its own."""
    measured = [arm for arm in comparison.arms if any(point.mean for point in arm.points)]
    others = [arm for arm in measured if arm.arm != BASELINE] or measured
    if not measured or len(comparison.train_labels) < 2:
        return []
    x = Axis(
        low=comparison.train_labels[0],
        high=comparison.train_labels[-1],
        start_px=LEFT + 8,
        end_px=RIGHT - 8,
    )
    y = _miou_axis(comparison, measured)
    strip = _difference_axis(
        [point for arm in others for point in arm.points], STRIP_BOTTOM, STRIP_TOP
    )
    return [_panel(arm, comparison, x, y, strip) for arm in others]


def bars(comparison: Comparison) -> tuple[list[Bar], list[Mark]]:
    """The differences over all labels, largest first, and the marks of their common axis."""
    judged = [(arm, arm.against) for arm in comparison.arms if arm.against]
    ends = [0.0]
    for _, one in judged:
        ends += [*drawn_interval(one.difference), one.difference.mean]
        ends += [one.band, -one.band] if one.band else []
    axis = padded_axis(ends, BAR_MARGIN, BAR_WIDTH - BAR_MARGIN)
    found = []
    for arm, one in sorted(judged, key=lambda pair: -pair[1].difference.mean):
        mean = one.difference.mean
        low, high = drawn_interval(one.difference)
        band = one.band
        found.append(
            Bar(
                arm=short_name(arm.arm),
                against=one,
                css=CSS[one.verdict],
                whisker=Whisker(
                    at_px=axis.px(0),
                    low_px=axis.px(low),
                    mean_px=axis.px(mean),
                    high_px=axis.px(high),
                    css=CSS[one.verdict],
                ),
                band=(axis.px(-band), axis.px(band) - axis.px(-band)) if band else None,
            )
        )
    return found, [Mark(px=axis.px(tick), text=signed(tick)) for tick in axis.ticks()]


def _panel(arm: ArmResult, comparison: Comparison, x: Axis, y: Axis, strip: Axis | None) -> Panel:
    baseline = comparison.arm(BASELINE)
    shown = baseline.points if baseline and arm is not baseline else ()
    return Panel(
        arm=short_name(arm.arm),
        css=CSS[arm.against.verdict] if arm.against else "few",
        seeds=_seed_lines(arm.points, x, y),
        random_seeds=_seed_lines(shown, x, y),
        mean=_mean_line(arm.points, x, y),
        random_mean=_mean_line(shown, x, y),
        area=_area(arm.points, x, y),
        random_area=_area(shown, x, y),
        full=tuple(
            Mark(px=y.px(estimate.mean), text=short_name(method))
            for method, estimate in comparison.full.items()
        ),
        x_marks=_label_marks(comparison.train_labels, x),
        y_marks=tuple(Mark(px=y.px(tick), text=f"{tick:.2f}") for tick in y.ticks()),
        strip=_strip(arm.points, x, strip) if strip else None,
    )


def _strip(points: Sequence[ArmPoint], x: Axis, axis: Axis) -> Strip:
    whiskers = []
    for point in points:
        if point.against:
            mean = point.against.difference.mean
            low, high = drawn_interval(point.against.difference)
            whiskers.append(
                Whisker(
                    at_px=x.px(point.train_labels),
                    low_px=axis.px(low),
                    mean_px=axis.px(mean),
                    high_px=axis.px(high),
                    css=CSS[point.against.verdict],
                )
            )
    bands = [point.against.band for point in points if point.against and point.against.band]
    widest = max(bands, default=None)
    return Strip(
        zero_px=axis.px(0),
        band=(axis.px(widest), axis.px(-widest) - axis.px(widest)) if widest else None,
        marks=tuple(Mark(px=axis.px(tick), text=signed(tick)) for tick in axis.ticks()),
        whiskers=tuple(whiskers),
    )


def _miou_axis(comparison: Comparison, arms: Sequence[ArmResult]) -> Axis:
    figures = [miou for arm in arms for point in arm.points for miou in point.figures.values()]
    return padded_axis([*figures, *(line.mean for line in comparison.full.values())], BOTTOM, TOP)


def _difference_axis(points: Sequence[ArmPoint], start_px: float, end_px: float) -> Axis | None:
    """It holds all means, intervals and bands."""
    judged = [point.against for point in points if point.against]
    if not judged:
        return None
    bands = [one.band or 0.0 for one in judged]
    ends = [end for one in judged for end in drawn_interval(one.difference)]
    return padded_axis([0.0, max(bands), -max(bands), *ends], start_px, end_px)


def drawn_interval(estimate: MeanEstimate) -> Interval:
    """The interval as it is drawn: that of two figures is longer than any plot, so none of fewer
    than three; then both ends are the mean."""
    if estimate.interval is None or estimate.n < MIN_PAIRS:
        return estimate.mean, estimate.mean
    return estimate.interval


def _label_marks(train_labels: Sequence[int], x: Axis) -> tuple[Mark, ...]:
    """At most about eight of the label counts."""
    every = math.ceil(len(train_labels) / 8)
    return tuple(Mark(px=x.px(count), text=str(count)) for count in train_labels[::every])


def _seed_lines(points: Sequence[ArmPoint], x: Axis, y: Axis) -> tuple[str, ...]:
    seeds = sorted({seed for point in points for seed in point.figures})
    return tuple(
        svg_points(
            (x.px(p.train_labels), y.px(p.figures[seed])) for p in points if seed in p.figures
        )
        for seed in seeds
    )


def _mean_line(points: Sequence[ArmPoint], x: Axis, y: Axis) -> str:
    return svg_points((x.px(p.train_labels), y.px(p.mean.mean)) for p in points if p.mean)


def _area(points: Sequence[ArmPoint], x: Axis, y: Axis) -> str:
    """The outline of the 95 % intervals of the mean, cut at the ends of the axis."""
    ends = [(p.train_labels, drawn_interval(p.mean)) for p in points if p.mean]
    low = [(x.px(labels), y.px(max(interval[0], y.low))) for labels, interval in ends]
    high = [(x.px(labels), y.px(min(interval[1], y.high))) for labels, interval in ends]
    return svg_points([*low, *reversed(high)])

"""The losses of the trainings as small plots, a panel an arm. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.experiment.recipes.experiment_figures import ArmFigures
from daemon.experiment.recipes.experiment_records import LossPoint
from daemon.experiment.report_pages.axes import Axis, Mark, padded_axis, svg_points

LEFT, RIGHT, TOP, BOTTOM = 44, 330, 10, 190  # px
SMOOTHED = 9  # points of a running mean: a single iteration says little
LABELED, MIXED = "labeled", "mixed"


@dataclass(frozen=True, kw_only=True)
class CurvePanel:
    """An arm. labeled, mixed: the `points` of a line for each seed; mixed is empty without pool."""

    arm: str
    labeled: tuple[str, ...]
    mixed: tuple[str, ...]
    x_marks: tuple[Mark, ...]
    y_marks: tuple[Mark, ...]


def curve_panels(arms: Sequence[ArmFigures]) -> list[CurvePanel]:
    """A panel for each arm with at least two points; all share the axis of the loss."""
    curves = {
        arm.arm: {
            kind: [line for run in arm.runs if len(line := _curve(run.losses, kind)) > 1]
            for kind in (LABELED, MIXED)
        }
        for arm in arms
    }
    shown = {arm: kinds for arm, kinds in curves.items() if kinds[LABELED]}
    if not shown:
        return []
    values = [loss for kinds in shown.values() for lines in kinds.values() for line in lines
              for _, loss in line]  # fmt: skip
    y = padded_axis([0.0, *values], BOTTOM, TOP)
    return [_panel(arm, kinds, y) for arm, kinds in shown.items()]


def _panel(arm: str, kinds: dict[str, list[list[tuple[int, float]]]], y: Axis) -> CurvePanel:
    steps = [step for lines in kinds.values() for line in lines for step, _ in line]
    x = Axis(low=0, high=max(steps), start_px=LEFT, end_px=RIGHT - 8)
    drawn = {
        kind: tuple(svg_points((x.px(step), y.px(loss)) for step, loss in line) for line in lines)
        for kind, lines in kinds.items()
    }
    return CurvePanel(
        arm=arm,
        labeled=drawn[LABELED],
        mixed=drawn[MIXED],
        x_marks=tuple(Mark(px=x.px(tick), text=f"{tick:.0f}") for tick in x.ticks()),
        y_marks=tuple(Mark(px=y.px(tick), text=f"{tick:.4g}") for tick in y.ticks()),
    )


def _curve(points: Sequence[LossPoint], kind: str) -> list[tuple[int, float]]:
    """(iteration, sum of the losses whose names begin so), as a running mean."""
    raw = [
        (point.iteration, sum(v for name, v in point.losses.items() if name.startswith(kind)))
        for point in points
        if any(name.startswith(kind) for name in point.losses)
    ]
    width = min(SMOOTHED, max(1, len(raw) // 5))
    return [
        (raw[end - 1][0], sum(loss for _, loss in raw[end - width : end]) / width)
        for end in range(width, len(raw) + 1)
    ]

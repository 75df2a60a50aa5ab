"""The learning curve as files: CSV, and SVG or PNG by matplotlib, which is imported when asked."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from daemon.insight.curve import Line
from daemon.insight.outlook import Foretold

COLUMNS = (
    "figure", "kind", "cycle", "labels", "value", "low", "high", "interval", "refused", "minutes",
    "group",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would compute what begins so


def csv_text(
    lines: Sequence[Line],
    ahead: Sequence[Foretold],
    minutes: Mapping[int, float] | None = None,
    group: str = "",
) -> str:
    """A row a figure and cycle, then the forecast. An absent figure is an empty cell.

    minutes: cycle -> minutes of people until its training began. group: of the validation images
    that all figures are of; "" for all images.
    """
    known, name = minutes or {}, cell(group)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in lines:
        columns = (line.cycles, line.labels, line.values, line.low, line.high, line.refused)
        for cycle, labels, value, low, high, refused in zip(*columns, strict=True):
            level = "95 %" if low is not None else ""
            row = (cell(line.name), line.kind, cycle, labels, value, low, high, level, refused)
            writer.writerow((*row, known.get(cycle), name))
    for point in ahead:
        figures = (point.middle, point.low, point.high)
        writer.writerow(("mIoU", "forecast", "", point.labels, *figures, "80 %", "", "", name))
    return text.getvalue()


def cell(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{name}" if name.startswith(FORMULA) else name


def picture(lines: Sequence[Line], ahead: Sequence[Foretold], kind: str) -> bytes:
    """The mIoU with its intervals, the test line and the forecast. kind: "svg" or "png"."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for line in lines:
        if line.kind != "class" and any(value is not None for value in line.values):
            _draw_line(axes, line)
    if ahead:
        labels = [point.labels for point in ahead]
        ends = [point.low for point in ahead], [point.high for point in ahead]
        axes.fill_between(labels, *ends, color="#3f7fbf", alpha=0.18, label="forecast, 80 %")
        middle = [point.middle for point in ahead]
        axes.plot(labels, middle, color="#3f7fbf", linestyle=":")
    axes.set_xlabel("labeled images, validation included")
    axes.set_ylabel("mIoU")
    axes.grid(axis="y", alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=150)
    return content.getvalue()


def _draw_line(axes: Any, line: Line) -> None:
    known = [row for row, value in enumerate(line.values) if value is not None]
    labels = [line.labels[row] for row in known]
    values = [line.values[row] or 0.0 for row in known]
    is_test = line.kind == "test"
    style = {"color": "#8a5200", "linestyle": "--"} if is_test else {"color": "#1d6b48"}
    axes.plot(labels, values, marker="o", label=line.name, **style)
    ended = [row for row in known if line.low[row] is not None and line.high[row] is not None]
    if ended and not is_test:
        axes.fill_between(
            [line.labels[row] for row in ended],
            [line.low[row] or 0.0 for row in ended],
            [line.high[row] or 0.0 for row in ended],
            color="#1d6b48",
            alpha=0.13,
            label="95 % interval",
        )

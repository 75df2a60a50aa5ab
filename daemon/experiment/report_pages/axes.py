"""Scales, marks and lines of the small plots of a page, in pixels of their SVG. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A straight scale from numbers to pixels."""

    low: float
    high: float
    start_px: float
    end_px: float

    def px(self, value: float) -> float:
        """Where a number lies, rounded to a tenth of a pixel."""
        part = (value - self.low) / (self.high - self.low)
        return round(self.start_px + part * (self.end_px - self.start_px), 1)

    def ticks(self) -> list[float]:
        """Three to six round numbers."""
        span = self.high - self.low
        magnitude = 10.0 ** math.floor(math.log10(span))
        step = next(magnitude * m for m in (0.1, 0.2, 0.5, 1, 2) if span / (magnitude * m) <= 5.5)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(k * step, 10) for k in range(first, last + 1)]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A text at a place of an axis."""

    px: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Whisker:
    """A difference with its interval. low, high: its ends in px; the same where there is none."""

    at_px: float
    low_px: float
    mean_px: float
    high_px: float
    css: str


def padded_axis(values: Sequence[float], start_px: float, end_px: float) -> Axis:
    """A scale that holds these values with a margin. values: at least one."""
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or 0.01
    return Axis(low=low - margin, high=high + margin, start_px=start_px, end_px=end_px)


def svg_points(places: Iterable[tuple[float, float]]) -> str:
    """Places as the `points` of a polyline."""
    return " ".join(f"{across},{down}" for across, down in places)

"""How often the 80 % intervals of the forecast hold what came: daemon/insight/forecast.py.

    python tests/benchmarks/forecast_coverage.py [CURVES] [SEED]

Draws CURVES learning curves of each family, with 3, 5 and 8 measured points and training noise of
0.3 to 2.5 points of mIoU, foretells, and counts: "next": the measured value one batch on, "double":
at twice the labels, "gain": the true rise of the next batch, "reach": the labels at which the true
curve rises by another 0.03 (or that it does not within 8 times the labels). 70 to 90 % is wanted
of each. "chosen on": curves of the families themselves; "checked on": others, whose shapes are
none of them. "naive": the last value and the spread of the differences, for comparison.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np

from daemon.insight.forecast import MeasuredPoint, Range, forecast

Curve = Callable[[float], float]
POINTS = (3, 5, 8)
RISE = 0.03
MOST = 8  # times the newest labels


def power(rng: np.random.Generator) -> Curve:
    """A power law."""
    level, height = rng.uniform(0.55, 0.95), rng.uniform(0.1, 0.4)
    rate, first = rng.uniform(0.3, 1.5), rng.integers(16, 60)
    return lambda labels: level - height * (labels / first) ** -rate


def exponential(rng: np.random.Generator) -> Curve:
    """An exponential approach to a level."""
    level, height = rng.uniform(0.55, 0.95), rng.uniform(0.1, 0.4)
    rate, first = rng.uniform(0.1, 1.2), rng.integers(16, 60)
    return lambda labels: level - height * float(np.exp(-rate * (labels / first - 1)))


def two_classes(rng: np.random.Generator) -> Curve:
    """A mean of a class that is learned at once and one that comes late, as an S."""
    quick, late = power(rng), rng.uniform(80, 300)
    height, steep = rng.uniform(0.1, 0.3), rng.uniform(1.5, 3)
    return lambda labels: quick(labels) - height / (1 + (labels / late) ** steep)


def broken(rng: np.random.Generator) -> Curve:
    """A steep and then a slow part (a smoothly broken power law)."""
    level, height, first = rng.uniform(0.6, 0.9), rng.uniform(0.1, 0.4), rng.integers(16, 40)
    knee, slow, steep = rng.uniform(60, 150), rng.uniform(0.1, 0.3), rng.uniform(0.6, 1.2)
    return lambda labels: (
        level
        - height
        * (labels / first) ** -slow
        * ((1 + (labels / knee) ** 4) / (1 + (first / knee) ** 4)) ** (-(steep - slow) / 4)
    )


def flat(rng: np.random.Generator) -> Curve:
    """No rise any more."""
    level = rng.uniform(0.4, 0.9)
    return lambda labels: level


FAMILIES = {
    "chosen on": {"power": power, "exponential": exponential},
    "checked on": {"two classes": two_classes, "broken": broken, "flat": flat},
}


def main() -> None:
    """Print the covering rates by family and by number of points."""
    curves = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    rng, began = np.random.default_rng(seed), time.process_time()
    forecasts = 0
    for part, families in FAMILIES.items():
        for name, family in families.items():
            for points in POINTS:
                held: dict[str, list[bool]] = defaultdict(list)
                for _ in range(curves):
                    for figure, holds in once(family(rng), points, rng).items():
                        held[figure].append(holds)
                forecasts += curves
                shown = "  ".join(f"{key} {100 * np.mean(held[key]):3.0f} %" for key in held)
                given = len(held["next"]) / curves
                print(f"{part:10} {name:12} {points} points  given {100 * given:3.0f} %  {shown}")
    each_ms = 1000 * (time.process_time() - began) / max(1, forecasts)
    print(f"seed {seed}, {curves} curves a row, {each_ms:.1f} ms of CPU a forecast")


def once(curve: Curve, points: int, rng: np.random.Generator) -> dict[str, bool]:
    """Whether each interval holds what came; {} where no forecast was given."""
    first, batch = int(rng.integers(24, 64)), int(rng.integers(8, 40))
    noise = rng.uniform(0.003, 0.025)
    labels = [first + batch * row for row in range(points + 1)]
    measured = [float(np.clip(curve(x) + noise * rng.standard_normal(), 0, 1)) for x in labels]
    known = [MeasuredPoint(labels=x, value=y) for x, y in zip(labels[:-1], measured, strict=False)]
    found = forecast(known, rng)
    if found is None:
        return {}
    now, then = labels[-2], labels[-1]
    doubled = float(np.clip(curve(2 * now) + noise * rng.standard_normal(), 0, 1))
    steps = np.diff([point.value for point in known])
    naive = Range(
        low=known[-1].value + float(steps.min()),
        middle=0.0,
        high=known[-1].value + float(steps.max()),
    )
    target = curve(now) + RISE
    grid = np.geomspace(now, MOST * now, 400)
    reached = next((float(x) for x in grid if curve(float(x)) >= target), np.inf)
    return {
        "next": holds(found.measured(then), measured[-1]),
        "double": holds(found.measured(2 * now), doubled),
        "gain": holds(found.gain(then), curve(then) - curve(now)),
        "reach": holds(found.labels_to_reach(target, MOST * now), reached),
        "naive": holds(naive, measured[-1]),
    }


def holds(interval: Range, value: float) -> bool:
    """Whether an interval holds a value; two infinities are equal."""
    return interval.low <= value <= interval.high


if __name__ == "__main__":
    main()

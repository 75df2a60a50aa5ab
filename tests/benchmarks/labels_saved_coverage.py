"""How often the 95 % interval of the labels saved holds the true number, with few pairs.

    python -m tests.benchmarks.labels_saved_coverage [REPETITIONS] [SEED]

Synthetic learning curves at 16, 32, ... 80 labels, as those of soy: a saturating mean; the start of
a seed moves both curves of a pair alike, less the more labels there are; every training has noise
of its own, the first one apart, which the two share. The arm leads by 0, 0.02 or 0.05 mIoU from the
second point on. Truth: the labels saved of the curves without noise. The plain percentile interval
stands beside the expanded one that daemon/insight/label_efficiency.py uses. The last column of
the summary is COVERAGE there: the lowest over the cases.
"""

from __future__ import annotations

import sys
from itertools import product

import numpy as np

from daemon.insight import label_efficiency
from daemon.insight.label_efficiency import labels_saved

LABELS = np.array([16.0, 32.0, 48.0, 64.0, 80.0])
PAIRS = (3, 4, 5, 6, 8, 10, 20)
LEADS = (0.0, 0.02, 0.05)
NOISES = (0.007, 0.02)  # standard deviation of one training
START = 0.06  # standard deviation of the first point over seeds
DRAWS = 1000


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    rng = np.random.default_rng(seed)
    label_efficiency.DRAWS = DRAWS
    lowest = {}
    for pairs in PAIRS:
        for lead, noise in product(LEADS, NOISES):
            share, plain, width = coverage(pairs, lead, noise, repetitions, rng)
            lowest[pairs] = min(share, lowest.get(pairs, 1.0))
            print(
                f"pairs {pairs:2d}  lead {lead:.2f}  noise {noise:.3f}  "
                f"covers {share:.3f}  plain percentile {plain:.3f}  median width {width:.1f}",
                flush=True,
            )
    print("COVERAGE", {pairs: round(share, 2) for pairs, share in lowest.items()})


def coverage(
    pairs: int, lead: float, noise: float, repetitions: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    mean = 0.8 - 0.2 * np.exp(-(LABELS - 16) / 30)
    ahead = np.r_[0.0, np.full(len(LABELS) - 1, lead)]
    truth = labels_saved(LABELS, (mean + ahead)[None], mean[None], rng).saved
    held, plain, widths = [], [], []
    for _ in range(repetitions):
        arms = drawn(mean + ahead, pairs, noise, rng), drawn(mean, pairs, noise, rng)
        start = rng.normal(0, START, (pairs, 1)) * np.exp(-(LABELS - 16) / 30)
        arms[1][:, 0] = arms[0][:, 0]  # the first model is shared
        arm, baseline = (curve + start for curve in arms)
        low, high = labels_saved(LABELS, arm, baseline, rng).interval
        held.append(low - 1e-9 <= truth <= high + 1e-9)
        widths.append(high - low)
        low, high = plain_percentiles(arm, baseline, rng)
        plain.append(low - 1e-9 <= truth <= high + 1e-9)
    return float(np.mean(held)), float(np.mean(plain)), float(np.median(widths))


def drawn(mean, pairs, noise, rng):
    return mean + rng.normal(0, noise, (pairs, len(LABELS)))


def plain_percentiles(arm, baseline, rng) -> tuple[float, float]:
    weights = rng.multinomial(len(arm), np.full(len(arm), 1 / len(arm)), DRAWS) / len(arm)
    at_equal_height = label_efficiency._at_equal_height
    _, need, baseline_need = at_equal_height(LABELS, weights @ arm, weights @ baseline)
    return tuple(np.quantile(baseline_need - need, [0.025, 0.975]))


if __name__ == "__main__":
    main()

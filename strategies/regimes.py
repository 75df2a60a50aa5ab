"""In which regime `auto` chooses: decided by what was measured, never by a cycle's number. Pure.

Few labels ask for typical images, many for uncertain ones (Hacohen et al. 2022,
https://arxiv.org/abs/2202.02794); where the change comes must be measured. An uncertainty counts as
soon as the model that gives it deserves trust, or once there is nothing left to explore.
"""

from __future__ import annotations

from collections.abc import Iterator

from strategies.base import Pool, Regime, Signals

START, EXPLORE, REFINE = "start", "explore", "refine"

ENOUGH_LABELS = (
    5  # images with a class, below which its IoU is not reliable (daemon/stages/train.py)
)
CALIBRATED = 0.1  # calibration error: beyond, the model is wrong ten points oftener than it says
NARROW = 0.4  # width of the 95 % interval of mIoU: beyond, nobody knows how good the model is
COVERED = 0.5  # of the typical distance of two images: within, a labeled image is a near relative
REDUNDANT = 0.5  # share of images with a near-duplicate: beyond, most of what is asked is seen
NEAR, NEAR_WHEN_REDUNDANT = 0.05, 0.2  # Euclidean: cosines of 0.99875 and 0.98


def regime_of(pool: Pool) -> Regime:
    """START without a model; EXPLORE while the model deserves doubt and some images are far from
    every label; else REFINE. Of the signals and of which fields there are, not of their numbers,
    so that it is the same for every part of a pool."""
    if pool.uncertainty is None:
        why = "there is no model yet: typical images first, unlike those asked before"
        return Regime(name=START, why=why)
    if pool.signals is None:
        return Regime(name=REFINE, why="nothing was measured of the model: it is trusted")
    measures = measures_of(pool.signals)
    doubts = list(_doubts(pool.signals))
    if not doubts:
        why = f"{_reliable(pool.signals)}: uncertain images, unlike the labeled ones"
        return Regime(name=REFINE, why=why, measures=measures)
    if is_covered(pool.signals):
        why = f"{'; '.join(doubts)}; but 95 % of the images are within {_gap(pool.signals)}"
        return Regime(name=REFINE, why=why, measures=measures)
    why = f"{'; '.join(doubts)}: typical images too, not the uncertain ones alone"
    return Regime(name=EXPLORE, why=why, measures=measures)


def is_covered(signals: Signals) -> bool:
    """Whether nearly all unlabeled images have a near relative among the labeled ones."""
    if signals.coverage_p95 is None or signals.spread is None:
        return False
    return signals.coverage_p95 <= COVERED * signals.spread


def least_distance(pool: Pool) -> float:
    """Nearer than that to a labeled or picked image, one comes last."""
    share = pool.signals.near_duplicates if pool.signals else None
    return NEAR if share is None or share <= REDUNDANT else NEAR_WHEN_REDUNDANT


def rarest_class(signals: Signals) -> int:
    """The foreground class that the fewest labeled images hold; 0 where there is none."""
    foreground = range(1, len(signals.class_labels))
    return min(foreground, key=lambda one: (signals.class_labels[one], one), default=0)


def measures_of(signals: Signals) -> dict[str, float]:
    """The numbers that decide, by name; those that are known."""
    low, high = signals.validation_interval or (None, None)
    rarest = rarest_class(signals)
    found = {
        "labels": signals.labels,
        "labels_of_rarest_class": signals.class_labels[rarest] if rarest else None,
        "temperature": signals.temperature,
        "calibration_error": signals.calibration_error,
        "validation_interval_width": None if low is None or high is None else high - low,
        "coverage_p95": signals.coverage_p95,
        "spread": signals.spread,
        "near_duplicates": signals.near_duplicates,
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def _doubts(signals: Signals) -> Iterator[str]:
    """Why the uncertainty of the model deserves no trust yet."""
    rarest = rarest_class(signals)
    if rarest and signals.class_labels[rarest] < ENOUGH_LABELS:
        yield (
            f"{signals.classes[rarest]!r} is in {signals.class_labels[rarest]} of "
            f"{signals.labels} labeled images (enough: {ENOUGH_LABELS})"
        )
    if signals.calibration_error is not None and signals.calibration_error > CALIBRATED:
        yield (
            f"the calibration error is {signals.calibration_error:.2f} (good: up to {CALIBRATED})"
        )
    if signals.validation_interval is not None:
        width = signals.validation_interval[1] - signals.validation_interval[0]
        if width > NARROW:
            yield f"the interval of the mIoU is {width:.2f} wide (good: up to {NARROW})"


def _reliable(signals: Signals) -> str:
    rarest = rarest_class(signals)
    error = signals.calibration_error
    parts = []
    if rarest:
        held = signals.class_labels[rarest]
        parts.append(f"{signals.classes[rarest]!r}, the rarest class, is in {held} labeled images")
    if error is not None:
        parts.append(f"the calibration error is {error:.2f}")
    return " and ".join(parts) or "nothing speaks against the model"


def _gap(signals: Signals) -> str:
    return (
        f"{signals.coverage_p95:.2f} of a labeled one, and two of them are {signals.spread:.2f} "
        f"apart: there is little left to explore"
    )

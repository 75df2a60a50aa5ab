"""How much of the predictions people corrected, by class, by person and by model. Pure.

Only labels whose annotator began with a prediction count. The labeling tool measures seconds for a
whole image; they are divided among the classes by the pixels that changed to or from each, so a
class's seconds are an estimate. The seconds of an image that nobody changed belong to no class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, median
from typing import TypeVar

from daemon.domain import ClassPixels, CorrectedLabel
from daemon.insight.person_names import PersonName
from daemon.insight.view_model import Count, Seconds, Share, ViewModel

Key = TypeVar("Key", str, int)
LONGEST_S = 4 * 3600.0  # a longer time is of a page that was left open, or it is wrong


class CorrectionEffort(ViewModel):
    """What people changed of the predictions of a group of labels, and how long it took."""

    images: Count
    """Labels of the group."""
    untouched: Count
    """Labels that were submitted as the prediction was."""
    changed_share: Share
    """Share of the pixels that got another class, mean over images."""
    seconds: Seconds | None
    """Time of work in all, s; null where no time is known."""
    seconds_each: Seconds | None
    """Median time of work an image, s; null where no time is known."""
    untimed: Count
    """Labels without a time between 0 s and 4 h."""


class ClassEffort(ViewModel):
    """What people changed of a class."""

    images: Count
    """Images in which the prediction or the label holds the class."""
    shown_px: Count
    """Pixels of the class in the predictions of these images."""
    submitted_px: Count
    """Pixels of the class in the labels of these images."""
    changed_share: Share
    """Of the pixels that prediction or label gave the class, the share that only one of them
    gave it."""
    seconds: Seconds | None
    """Estimated time of work, s: an image's time is divided by the pixels that changed. Null where
    no time is known."""


class Corrections(ViewModel):
    """How much of all predictions people changed."""

    total: CorrectionEffort
    """Over all labels."""
    classes: Mapping[str, ClassEffort]
    """By class name."""
    people: Mapping[PersonName, CorrectionEffort]
    """By annotator."""
    cycles: Mapping[int, CorrectionEffort]
    """By the cycle whose model made the prediction."""


def corrections(labels: Sequence[CorrectedLabel], names: Sequence[str]) -> Corrections | None:
    """Sum up labels; None without any. names: of the classes, in the order of the result; a class
    that no label holds is left out, one that config.toml no longer names comes last."""
    if not labels:
        return None
    holding: dict[str, list[CorrectedLabel]] = {}
    for label in labels:
        for name in label.classes:
            holding.setdefault(name, []).append(label)
    ordered = [name for name in names if name in holding] + sorted(holding.keys() - set(names))
    return Corrections(
        total=effort(labels),
        classes={name: _class_effort(name, holding[name]) for name in ordered},
        people=_grouped(labels, lambda label: label.annotator),
        cycles=_grouped(labels, lambda label: label.version.cycle),
    )


def effort(labels: Sequence[CorrectedLabel]) -> CorrectionEffort:
    """Sum up a group of labels; at least one."""
    times = [s for s in map(_seconds, labels) if s is not None]
    return CorrectionEffort(
        images=len(labels),
        untouched=sum(label.changed_share == 0 for label in labels),
        changed_share=fmean(label.changed_share for label in labels),
        seconds=sum(times) if times else None,
        seconds_each=median(times) if times else None,
        untimed=len(labels) - len(times),
    )


def mean_iou(labels: Iterable[CorrectedLabel]) -> dict[str, float]:
    """Class name -> IoU of prediction and label, mean over the images that hold it, in [0, 1]."""
    values: dict[str, list[float]] = {}
    for label in labels:
        for name, pixels in label.classes.items():
            values.setdefault(name, []).append(pixels.iou)
    return {name: fmean(values[name]) for name in sorted(values)}


def _class_effort(name: str, holding: Sequence[CorrectedLabel]) -> ClassEffort:
    """holding: the labels in which prediction or label has the class."""
    pixels = [label.classes[name] for label in holding]
    times = [s for s in (_class_seconds(name, label) for label in holding) if s is not None]
    return ClassEffort(
        images=len(holding),
        shown_px=sum(counts.shown_px for counts in pixels),
        submitted_px=sum(counts.submitted_px for counts in pixels),
        changed_share=_changed_share(pixels),
        seconds=sum(times) if times else None,
    )


def _changed_share(pixels: Sequence[ClassPixels]) -> float:
    return sum(counts.changed_px for counts in pixels) / sum(counts.union_px for counts in pixels)


def _class_seconds(name: str, label: CorrectedLabel) -> float | None:
    """The class's part of an image's seconds, by its changed pixels; None for an unknown time."""
    seconds = _seconds(label)
    changed = sum(pixels.changed_px for pixels in label.classes.values())
    if seconds is None or changed == 0:
        return None if seconds is None else 0.0
    return seconds * label.classes[name].changed_px / changed


def _seconds(label: CorrectedLabel) -> float | None:
    time = label.lead_time_s
    return time if time is not None and 0 <= time <= LONGEST_S else None


def _grouped(
    labels: Sequence[CorrectedLabel], key: Callable[[CorrectedLabel], Key]
) -> dict[Key, CorrectionEffort]:
    groups: dict[Key, list[CorrectedLabel]] = {}
    for label in labels:
        groups.setdefault(key(label), []).append(label)
    return {name: effort(groups[name]) for name in sorted(groups)}

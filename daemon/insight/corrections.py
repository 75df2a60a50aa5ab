"""How much of the predictions people corrected, by class, by person and by model. Pure.

Pixels are those of the labels whose annotator began with a prediction. Seconds are what the
labeling tool measured for a whole image; they are divided among the classes by the pixels that
changed to or from each, so a class's seconds are an estimate. An image that nobody changed took
seconds too, which belong to no class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import TypeVar

from daemon.domain import ClassPixels, CorrectedLabel

Key = TypeVar("Key", str, int)
LONGEST_S = 4 * 3600.0  # nobody works longer at one image: the page was left open, or it is wrong


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a group of labels took.

    images: labels of the group. untouched: those submitted as they were shown. changed_share: of
    the pixels, mean over images, in [0, 1]. seconds: in all; seconds_each: median an image; both
    None where no time is known. untimed: labels without a time of 0 s to 4 h.
    """

    images: int
    untouched: int
    changed_share: float
    seconds: float | None
    seconds_each: float | None
    untimed: int


@dataclass(frozen=True, kw_only=True)
class ClassWork:
    """What one class took. images: that hold it, shown or submitted. shown_px, submitted_px: over
    these images. changed_share: of the pixels that either gave this class, the share that only one
    did, in [0, 1]. seconds: see the module; None where no time is known."""

    images: int
    shown_px: int
    submitted_px: int
    changed_share: float
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """All of it. classes: by name. people: by annotator. cycles: by the cycle whose model made the
    prediction."""

    total: Work
    classes: Mapping[str, ClassWork]
    people: Mapping[str, Work]
    cycles: Mapping[int, Work]


def corrections(labels: Sequence[CorrectedLabel], names: Sequence[str]) -> Corrections | None:
    """Sum up labels; None without any. names: of the classes, in the order of the result; a class
    that no label holds is left out, one that config.toml no longer names comes last."""
    if not labels:
        return None
    held = {name for label in labels for name in label.classes}
    ordered = [name for name in names if name in held] + sorted(held - set(names))
    return Corrections(
        total=work(labels),
        classes={name: _class_work(name, labels) for name in ordered},
        people=_grouped(labels, lambda label: label.annotator),
        cycles=_grouped(labels, lambda label: label.version.cycle),
    )


def work(labels: Sequence[CorrectedLabel]) -> Work:
    """What these labels took; at least one."""
    times = [s for s in map(_seconds, labels) if s is not None]
    return Work(
        images=len(labels),
        untouched=sum(label.changed_share == 0 for label in labels),
        changed_share=fmean(label.changed_share for label in labels),
        seconds=sum(times) if times else None,
        seconds_each=median(times) if times else None,
        untimed=len(labels) - len(times),
    )


def mean_iou(labels: Iterable[CorrectedLabel]) -> dict[str, float]:
    """Class -> IoU of shown and submitted, mean over the images that hold it, in [0, 1]."""
    values: dict[str, list[float]] = {}
    for label in labels:
        for name, pixels in label.classes.items():
            values.setdefault(name, []).append(pixels.iou)
    return {name: fmean(values[name]) for name in sorted(values)}


def _class_work(name: str, labels: Sequence[CorrectedLabel]) -> ClassWork:
    mine = [label for label in labels if name in label.classes]
    parts = [label.classes[name] for label in mine]
    times = [s for s in (_seconds_on(name, label) for label in mine) if s is not None]
    return ClassWork(
        images=len(mine),
        shown_px=sum(part.shown_px for part in parts),
        submitted_px=sum(part.submitted_px for part in parts),
        changed_share=_share(parts),
        seconds=sum(times) if times else None,
    )


def _share(parts: Sequence[ClassPixels]) -> float:
    return sum(part.changed_px for part in parts) / sum(part.union_px for part in parts)


def _seconds_on(name: str, label: CorrectedLabel) -> float | None:
    """The part of an image's seconds that its changed pixels give to a class."""
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
) -> dict[Key, Work]:
    groups: dict[Key, list[CorrectedLabel]] = {}
    for label in labels:
        groups.setdefault(key(label), []).append(label)
    return {name: work(groups[name]) for name in sorted(groups)}

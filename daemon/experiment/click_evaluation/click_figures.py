"""The figures of an evaluation, as JSON: by engine, by class and by size, with intervals."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from daemon.clicks.click_metrics import best_within, clicks_to, mean_interval, solved_within
from daemon.runs.records import Record

TARGETS = (0.80, 0.85, 0.90)
MAIN_TARGET = 0.85
AT_CLICKS = (1, 3, 5, 10, 20)
FAILED_AT = (5, 10, 20)


class Start(enum.StrEnum):
    """What is there before the first click: nothing, or the model's mask of the object."""

    NOTHING = "nothing"
    MODEL = "model"


class ClickRecord(Record):
    """What clicking on one object came to. place: of the object in the list. ious, tolerant: after
    0, 1, 2, ... clicks. ms, cpu_ms: of each click, by the clock and by this process."""

    engine: str
    start: Start
    place: int
    ious: tuple[float, ...]
    tolerant: tuple[float, ...]
    ms: tuple[float, ...]
    cpu_ms: tuple[float, ...]


def read_records(path: Path) -> Iterator[ClickRecord]:
    """The records of an earlier process, one a line; none where there is no file. The line that it
    was writing when it died is left out."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in filter(None, lines):
        try:
            yield ClickRecord.model_validate_json(line)
        except ValidationError:
            continue


class Interval(Record):
    """A mean with its 95 % bootstrap interval over objects."""

    mean: float
    low: float
    high: float


class GroupFigures(Record):
    """The figures of some objects with one engine.

    noc: target IoU -> clicks to reach it. never: clicks -> objects that do not reach MAIN_TARGET
    within them. iou, tolerant_iou: clicks -> mean of the best within them; the second with a pixel
    of tolerance. ms, cpu_ms: percentiles 50 and 95 of a click; None where there was none.
    """

    objects: int
    noc: Mapping[str, Interval]
    never: Mapping[str, int]
    iou: Mapping[str, float]
    tolerant_iou: Mapping[str, float]
    ms: tuple[float, float] | None
    cpu_ms: tuple[float, float] | None


def group_figures(records: Sequence[ClickRecord], most: int, seed: int) -> GroupFigures:
    """The figures of at least one record. most: clicks on an object."""
    at = [clicks for clicks in AT_CLICKS if clicks <= most]
    return GroupFigures(
        objects=len(records),
        noc={
            f"{target:.2f}": interval_of(
                [clicks_to(one.ious, target, most) for one in records], seed
            )
            for target in TARGETS
        },
        never={
            str(clicks): sum(not solved_within(one.ious, MAIN_TARGET, clicks) for one in records)
            for clicks in FAILED_AT
            if clicks <= most
        },
        iou={str(clicks): _mean_best([one.ious for one in records], clicks) for clicks in at},
        tolerant_iou={
            str(clicks): _mean_best([one.tolerant for one in records], clicks) for clicks in at
        },
        ms=_percentiles([one for record in records for one in record.ms]),
        cpu_ms=_percentiles([one for record in records for one in record.cpu_ms]),
    )


def paired_difference(
    records: Iterable[ClickRecord], others: Iterable[ClickRecord], most: int, seed: int
) -> Interval:
    """Clicks to MAIN_TARGET of the first minus those of the others, over their common objects."""
    theirs = {one.place: clicks_to(one.ious, MAIN_TARGET, most) for one in others}
    return interval_of(
        [
            clicks_to(one.ious, MAIN_TARGET, most) - theirs[one.place]
            for one in records
            if one.place in theirs
        ],
        seed,
    )


def _percentiles(ms: Sequence[float]) -> tuple[float, float] | None:
    if not ms:
        return None
    half, most = np.percentile(ms, [50, 95]).tolist()
    return float(half), float(most)


def _mean_best(courses: Sequence[Sequence[float]], clicks: int) -> float:
    return float(np.mean([best_within(ious, clicks) for ious in courses]))


def interval_of(values: Sequence[float], seed: int) -> Interval:
    """The mean of at least one value, and the percentiles 2.5 and 97.5 of resampled means."""
    mean, low, high = mean_interval(values, seed)
    return Interval(mean=mean, low=low, high=high)

"""The learning curve, prepared for drawing. Pure: evaluations in, lines out.

An evaluation is an entry of `evaluations` in the status (daemon/status/snapshot.py). x counts all
labels, validation included; y is in [0, 1]. What was not measured stays None, without
interpolation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Evaluated = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the plot; place i of each tuple belongs to one trained cycle.

    kind: "miou" on validation, "test" for mIoU on held-out images, "class" for the IoU of one
    class on validation. low, high: 95 % interval of the mIoU, None where there is none. refused:
    whether the model of the point was refused, so that an earlier one serves.
    """

    name: str
    kind: Literal["miou", "test", "class"]
    cycles: tuple[int, ...]
    labels: tuple[int, ...]
    values: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    refused: tuple[bool, ...]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The newest measured model that serves, in numbers. gain: mIoU against the one that served
    before, None for the first. refused_cycle, refused_miou: of a newer model that was refused.

    interval_words: what the interval is made from, or why there is none. remarks: what must stand
    beside the figures, as why one is missing. within_noise: whether the two intervals overlap, so
    that the gain alone proves nothing; None where an interval is missing.
    """

    cycle: int
    labels: int
    miou: float | None
    interval: tuple[float, float] | None
    images: int | None
    test_miou: float | None
    gain: float | None
    labels_before: int | None
    within_noise: bool | None
    refused_cycle: int | None
    refused_miou: float | None
    interval_words: str = ""
    remarks: tuple[str, ...] = ()
    test_remarks: tuple[str, ...] = ()


def lines(evaluations: Sequence[Evaluated], classes: Sequence[str]) -> list[Line]:
    """mIoU first, then the test where it was measured, then each class; points by labels."""
    points = _ordered(evaluations)
    drawn = [_line("mIoU", "miou", points, _column(points, "miou"), "miou_interval")]
    tested = _column(points, "test_miou")
    if any(value is not None for value in tested):
        drawn.append(_line("test mIoU", "test", points, tested, "test_miou_interval"))
    for name in classes:
        values = tuple((point.get("iou") or {}).get(name) for point in points)
        drawn.append(_line(name, "class", points, values, None))
    return drawn


def standing(evaluations: Sequence[Evaluated]) -> Standing | None:
    """The newest model that serves, against the one before it that served and was measured; None
    before any.

    Its mIoU may be missing: the remarks say why.
    """
    by_cycle = sorted(evaluations, key=lambda point: int(point["cycle"]))
    points = [point for point in by_cycle if _says(point)]
    serving = [point for point in points if not point.get("refused")]
    if not serving:
        return None
    last, refused = serving[-1], None if points[-1] is serving[-1] else points[-1]
    measured = [point for point in serving[:-1] if point.get("miou") is not None]
    before = measured[-1] if measured and last.get("miou") is not None else None
    return Standing(
        cycle=last["cycle"],
        labels=last["labels"],
        miou=last.get("miou"),
        interval=_interval(last, "miou_interval"),
        images=last.get("images"),
        test_miou=last.get("test_miou"),
        gain=None if before is None else last["miou"] - before["miou"],
        labels_before=None if before is None else before["labels"],
        within_noise=None if before is None else _overlap(before, last),
        refused_cycle=refused["cycle"] if refused else None,
        refused_miou=refused["miou"] if refused else None,
        interval_words=last.get("interval_words") or "",
        remarks=tuple(last.get("remarks") or ()),
        test_remarks=tuple(last.get("test_remarks") or ()),
    )


def _says(point: Evaluated) -> bool:
    """Whether its mIoU was measured, or it is known why not."""
    return point.get("miou") is not None or bool(point.get("remarks"))


def _ordered(evaluations: Sequence[Evaluated]) -> list[Evaluated]:
    return sorted(evaluations, key=lambda point: (point["labels"], point["cycle"]))


def _column(points: Sequence[Evaluated], name: str) -> tuple[float | None, ...]:
    return tuple(point.get(name) for point in points)


def _line(
    name: str,
    kind: Literal["miou", "test", "class"],
    points: Sequence[Evaluated],
    values: tuple[float | None, ...],
    interval: str | None,
) -> Line:
    ends = [None if interval is None else _interval(point, interval) for point in points]
    return Line(
        name=name,
        kind=kind,
        cycles=tuple(point["cycle"] for point in points),
        labels=tuple(point["labels"] for point in points),
        values=values,
        low=tuple(None if end is None else end[0] for end in ends),
        high=tuple(None if end is None else end[1] for end in ends),
        refused=tuple(bool(point.get("refused")) for point in points),
    )


def _interval(point: Evaluated, name: str) -> tuple[float, float] | None:
    ends = point.get(name)
    return None if ends is None else (ends[0], ends[1])


def _overlap(before: Evaluated, after: Evaluated) -> bool | None:
    old, new = _interval(before, "miou_interval"), _interval(after, "miou_interval")
    if old is None or new is None:
        return None
    return old[0] <= new[1] and new[0] <= old[1]

"""Label Studio's protocol for ML backends: what its requests say, and what is answered. Pure.

Label Studio posts `/setup` when it connects and `/predict` at every click of the smart tool; the
request holds every point of the object so far, in the order of the clicks, as percent of the image
as it is displayed. An answer that is no 200 becomes an error that nobody sees (measured on 1.23.2),
so whatever cannot be used is answered by a valid body without a region.

A request without clicks asks for predictions that Label Studio would store. It would store an empty
one as well, under a version of its own, so the answer to it is an empty list.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.unreadable import UnreadableValue, typed
from daemon.clicks.click import Click

MAX_POINTS = 60
MAX_ENTRIES = 10_000  # of a context
MAX_ID_CHARS = 200
MAX_TASK = 2**63 - 1
POINT, BOX = "keypointlabels", "rectanglelabels"


@dataclass(frozen=True, kw_only=True)
class Point:
    """A smart keypoint. x, y: percent of the width and the height of the image, 0 to 100."""

    id: str
    label: str
    x: float
    y: float
    positive: bool


@dataclass(frozen=True, kw_only=True)
class Box:
    """A smart rectangle, upright. left, top, right, bottom: percent of the image, 0 to 100."""

    id: str
    label: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, kw_only=True)
class PixelBox:
    """The part of an image in which an object lies: rows top to bottom - 1, columns likewise."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, kw_only=True)
class PredictRequest:
    """What Label Studio asks.

    project: its number; None where the request names none. tasks: their numbers. entries: the
    points and boxes of the smart tool, oldest first; None where it asks for predictions to store.
    label_config: of the project. region_ids: of every region that the task holds already. regions:
    those of the person's draft and of the annotations, by id.
    """

    project: int | None
    tasks: tuple[int, ...]
    entries: tuple[Point | Box, ...] | None
    label_config: str = ""
    region_ids: frozenset[str] = frozenset()
    regions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ClickedObject:
    """One object that a person clicks. session: the id of its first point or box, which stays the
    same over all requests about the object. entries: at most MAX_POINTS."""

    session: str
    label: str
    entries: tuple[Point | Box, ...]

    def clicks(self, height_px: int, width_px: int) -> tuple[Click, ...]:
        """The clicks as pixels of an image of this size; a box is a positive click at its centre.
        Points outside of the image are moved to its border."""
        return tuple(_click(entry, height_px, width_px) for entry in self.entries)

    def box(self, height_px: int, width_px: int) -> PixelBox | None:
        """The newest box in pixels: the object ends at its border. None without a box."""
        boxes = [entry for entry in self.entries if isinstance(entry, Box)]
        if not boxes:
            return None
        last = boxes[-1]
        left, top = _pixel(last.left, width_px), _pixel(last.top, height_px)
        right = max(left + 1, min(width_px, math.ceil(last.right * width_px / 100)))
        bottom = max(top + 1, min(height_px, math.ceil(last.bottom * height_px / 100)))
        return PixelBox(left=left, top=top, right=right, bottom=bottom)


def read_predict(body: object) -> PredictRequest:
    """A parsed `/predict` request. Raises UnreadableValue for one that Label Studio never sends."""
    if not isinstance(body, dict):
        raise UnreadableValue(typed(body), "an object")
    tasks = body.get("tasks")
    if not isinstance(tasks, list) or not tasks or len(tasks) > MAX_ENTRIES:
        raise UnreadableValue(f"tasks: {typed(tasks)}", "a list of tasks")
    params = body.get("params")
    context = params.get("context") if isinstance(params, dict) else None
    entries = None if context is None else tuple(_entries(context))
    made = {} if entries is None else _regions(tasks[0], "annotations", "drafts")
    predicted = {} if entries is None else _regions(tasks[0], "predictions")
    return PredictRequest(
        project=_project(body.get("project")),
        tasks=tuple(_task_number(task) for task in tasks),
        entries=entries,
        label_config=str(body.get("label_config")),
        region_ids=frozenset({*made, *predicted}),
        regions=made,
    )


def clicked_object(request: PredictRequest) -> ClickedObject | None:
    """The object that the newest clicks mean; None where they mean none.

    What was clicked before the label last changed belongs to an object that was not accepted. Of
    more than MAX_POINTS clicks the first and the newest count.
    """
    entries = request.entries or ()
    label = entries[-1].label if entries else ""
    own = list(entries[_start_of_label(entries) :]) if label else []
    if len(own) > MAX_POINTS:
        own = [own[0], *own[1 - MAX_POINTS :]]
    if not any(isinstance(entry, Box) or entry.positive for entry in own):
        return None
    return ClickedObject(session=own[0].id, label=label, entries=tuple(own))


def _entries(context: object) -> Iterator[Point | Box]:
    """The points and boxes of a context; regions of other kinds are left out."""
    result = context.get("result") if isinstance(context, dict) else None
    if result is None:
        return
    if not isinstance(result, list) or len(result) > MAX_ENTRIES:
        raise UnreadableValue(f"context: {typed(result)}", f"a list of <= {MAX_ENTRIES} regions")
    for region in result:
        if not isinstance(region, dict):
            raise UnreadableValue(f"a region of the context: {typed(region)}", "an object")
        if region.get("type") == POINT:
            yield _point(region)
        elif region.get("type") == BOX:
            yield _box(region)


def _point(region: Mapping[str, Any]) -> Point:
    value = _value(region)
    x, y = _percent(value, "x"), _percent(value, "y")
    return Point(
        id=_id(region, f"{x} {y}"),
        label=_label(value, POINT),
        x=x,
        y=y,
        positive=region.get("is_positive") is not False,  # missing and null mean positive
    )


def _box(region: Mapping[str, Any]) -> Box:
    value = _value(region)
    left, top = _number(value, "x"), _number(value, "y")
    width, height = _number(value, "width"), _number(value, "height")
    if value.get("rotation") not in (None, 0) or width < 0 or height < 0:
        raise UnreadableValue(f"a box {width} x {height}, turned or inside out", "an upright box")
    return Box(
        id=_id(region, f"{left} {top}"),
        label=_label(value, BOX),
        left=_clipped(left),
        top=_clipped(top),
        right=_clipped(left + width),
        bottom=_clipped(top + height),
    )


def _value(region: Mapping[str, Any]) -> Mapping[str, Any]:
    value = region.get("value")
    if not isinstance(value, dict):
        raise UnreadableValue(f"value: {typed(value)}", "an object with x and y")
    return value


def _id(region: Mapping[str, Any], otherwise: str) -> str:
    """The id of a region. otherwise: in the place of one that is missing."""
    given = region.get("id")
    usable = isinstance(given, str) and 0 < len(given) <= MAX_ID_CHARS
    return str(given) if usable else otherwise


def _label(value: Mapping[str, Any], kind: str) -> str:
    """The first label of a point or box; "" without."""
    for name in (kind, "labels"):
        labels = value.get(name)
        if isinstance(labels, list) and labels and isinstance(labels[0], str):
            return labels[0]
    return ""


def _percent(value: Mapping[str, Any], name: str) -> float:
    return _clipped(_number(value, name))


def _number(value: Mapping[str, Any], name: str) -> float:
    number = value.get(name)
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    if not is_number or not math.isfinite(_as_float(number)):
        raise UnreadableValue(f"{name}: {typed(number)}", "a number")
    return _as_float(number)


def _as_float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:  # an integer of 400 digits
        return math.inf


def _clipped(percent: float) -> float:
    return min(100.0, max(0.0, percent))


def _project(uid: object) -> int | None:
    """The number of "7.1795340471": the project and the time at which it was made."""
    number = str(uid).partition(".")[0] if isinstance(uid, str | int) else ""
    usable = number.isascii() and number.isdecimal() and len(number) < 19
    return int(number) if usable else None


def _task_number(task: object) -> int:
    number = task.get("id") if isinstance(task, dict) else None
    is_number = isinstance(number, int) and not isinstance(number, bool)
    if not isinstance(number, int) or not is_number or not 0 < number <= MAX_TASK:
        raise UnreadableValue(f"task: {typed(number)}", "a task with its number")
    return number


def _regions(task: object, *holders: str) -> dict[str, Mapping[str, Any]]:
    """The regions of a task by their ids, as these of its fields hold them (predictions,
    annotations, drafts); of two with one id the later."""
    found: dict[str, Mapping[str, Any]] = {}
    for name in holders:
        rows = task.get(name) if isinstance(task, dict) else None
        for row in rows if isinstance(rows, list) else ():
            result = row.get("result") if isinstance(row, dict) else None
            for region in result if isinstance(result, list) else ():
                if isinstance(region, dict) and isinstance(region.get("id"), str):
                    found[region["id"]] = region
    return found


def _start_of_label(entries: Sequence[Point | Box]) -> int:
    """The index of the first of the newest entries that share their label."""
    start = len(entries) - 1
    while start > 0 and entries[start - 1].label == entries[-1].label:
        start -= 1
    return start


def _click(entry: Point | Box, height_px: int, width_px: int) -> Click:
    if isinstance(entry, Point):
        x, y, positive = entry.x, entry.y, entry.positive
    else:
        x, y, positive = (entry.left + entry.right) / 2, (entry.top + entry.bottom) / 2, True
    return Click(x=_pixel(x, width_px), y=_pixel(y, height_px), positive=positive)


def _pixel(percent: float, side_px: int) -> int:
    """The pixel that a place lies in; 100 % lies in the last one."""
    return min(side_px - 1, int(percent * side_px / 100))

"""The answers of a task in Label Studio's JSON export: which one counts, and what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.masks.region_kinds import RegionKind, kind_of
from connectors.masks.region_pixels import BITMASK, BRUSH, SHAPES
from connectors.unreadable import UnreadableValue

MASK_TYPES = (BITMASK, BRUSH, *SHAPES)
BOX = "rectanglelabels"


@dataclass(frozen=True, kw_only=True)
class Region:
    """A region that may hold pixels: its tag and its label."""

    from_name: str
    to_name: str
    type: str
    label: str


def answers_of(task: Mapping[str, Any]) -> list[Any] | None:
    """The annotations of a task; `completions` in old exports. None: this is no task."""
    found = task.get("annotations", task.get("completions"))
    return found if isinstance(found, list) else None


def latest_of(answers: Sequence[Any]) -> tuple[list[Any] | None, int]:
    """The result of the annotation that counts, and how many others there are."""
    drawn = [
        one
        for one in answers
        if isinstance(one, dict)
        and isinstance(one.get("result"), list)
        and not one.get("was_cancelled")
    ]
    if not drawn:
        return None, 0
    latest = max(drawn, key=lambda one: str(one.get("updated_at") or one.get("created_at") or ""))
    return latest["result"], len(drawn) - 1


def regions_of(result: Sequence[Any]) -> Iterator[Region]:
    """The regions that may hold pixels, with each of their labels."""
    for one in result:
        if not isinstance(one, dict) or one.get("type") not in MASK_TYPES:
            continue
        value = one.get("value")
        labels = value.get(one["type"]) if isinstance(value, dict) else None
        tag = (one.get("from_name"), one.get("to_name"))
        if isinstance(labels, list) and all(isinstance(name, str) for name in (*labels, *tag)):
            for label in labels:
                yield Region(
                    from_name=str(tag[0]), to_name=str(tag[1]), type=one["type"], label=label
                )


def says_no_pixel(result: Sequence[Any]) -> bool:
    """Whether an answer marks points, lines or other media, and nothing with an area."""
    kinds = set(map(_kind, result)) - {RegionKind.ANSWER}
    return bool(kinds) and RegionKind.PIXELS not in kinds


def holds_area(entry: object) -> bool:
    """Whether an entry marks pixels."""
    return _kind(entry) is RegionKind.PIXELS


def is_box(entry: object) -> bool:
    """Whether an entry is a rectangle around what it marks."""
    return isinstance(entry, dict) and entry.get("type") == BOX


def _kind(entry: object) -> RegionKind:
    """The kind of an entry; what is no region is refused when its pixels are read."""
    try:
        return kind_of(entry, (), ())[0]
    except UnreadableValue:
        return RegionKind.PIXELS

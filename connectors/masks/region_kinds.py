"""The kind of each entry of an annotation's result, before its value is read.

Label Studio keeps regions on the image, regions on other objects of the task, answers in words and
relations in one list. Only regions with pixels on our image make a mask.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from typing import Any

from connectors.unreadable import UnreadableValue, typed

# Answers in words, numbers or choices.
ANSWERS = frozenset(
    {"choices", "datetime", "number", "pairwise", "ranker", "rating", "relation", "taxonomy"}
    | {"textarea"}
)
POINTS = frozenset({"keypoint", "keypointlabels"})
LINES = frozenset({"vector", "vectorlabels"})
# Regions of text, audio and video.
OTHER_MEDIA = frozenset(
    {"htmllabels", "hypertextlabels", "paragraphlabels", "timeserieslabels", "timelinelabels"}
    | {"videorectangle"}
)


class RegionKind(enum.Enum):
    """What an entry of a result means for a mask."""

    PIXELS = "pixels"  # read, or the annotation is refused
    ANSWER = "answer"  # not drawn
    POINT = "clicks"
    LINE = "open lines"
    ELSEWHERE = "regions on another image or medium"

    @property
    def outcome(self) -> str:
        """The end of a note, after a number and the name of the kind."""
        return "became no region" if self is RegionKind.POINT else "were left out"


def kind_of(
    region: object, names: Collection[str], other_objects: Collection[str]
) -> tuple[RegionKind, Mapping[str, Any]]:
    """The kind of an entry, and the entry. names: of the mask tags that are read. other_objects:
    names of the other objects of the task. Raises UnreadableValue for an entry that is no object.

    A region of a mask tag that is not read is `PIXELS` too: without it the mask would be
    incomplete.
    """
    if not isinstance(region, dict):
        raise UnreadableValue(typed(region), "an object")
    region_type = region.get("type")
    if not isinstance(region_type, str):
        return RegionKind.PIXELS, region
    if _is_on_another_page(region):
        return RegionKind.ELSEWHERE, region
    if region.get("from_name") in list(names):
        return RegionKind.PIXELS, region
    if region_type in ANSWERS:
        return RegionKind.ANSWER, region
    if region_type in OTHER_MEDIA or region.get("to_name") in list(other_objects):
        return RegionKind.ELSEWHERE, region
    if region_type in POINTS:
        return RegionKind.POINT, region
    if region_type in LINES and not _is_closed(region):
        return RegionKind.LINE, region
    return RegionKind.PIXELS, region


def _is_on_another_page(region: Mapping[str, Any]) -> bool:
    page = region.get("item_index")
    return page is not None and not isinstance(page, bool) and page != 0


def _is_closed(region: Mapping[str, Any]) -> bool:
    value = region.get("value")
    return isinstance(value, dict) and value.get("closed") is True

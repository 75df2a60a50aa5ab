"""What one entry of an annotation's result is, before anything of it is read.

Label Studio keeps in one list what was drawn on the image, what was drawn on other things of the
task, answers about the task or about a region, and relations. Only pixels on our image make a mask.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from typing import Any

from connectors.refusals import Unreadable, kind

# Answers in words, numbers or choices, about the image or about a region.
ANSWERS = frozenset(
    {"choices", "datetime", "number", "pairwise", "ranker", "rating", "relation", "taxonomy"}
    | {"textarea"}
)
POINTS = frozenset({"keypoint", "keypointlabels"})
LINES = frozenset({"vector", "vectorlabels"})
# Regions of text, sound and film.
OTHER_MEDIA = frozenset(
    {"htmllabels", "hypertextlabels", "paragraphlabels", "timeserieslabels", "timelinelabels"}
    | {"videorectangle"}
)


class RegionKind(enum.Enum):
    """What an entry of a result is for a mask."""

    PIXELS = "pixels"  # to be read, or the annotation is refused
    ANSWER = "answer"  # nothing that was drawn
    POINT = "clicks"
    LINE = "open lines"
    ELSEWHERE = "regions on another image or medium"

    @property
    def fate(self) -> str:
        """What became of it, after a number and its name."""
        return "became no region" if self is RegionKind.POINT else "were left out"


def kind_of(
    region: object, names: Collection[str], elsewhere: Collection[str]
) -> tuple[RegionKind, Mapping[str, Any]]:
    """What an entry is, and the entry. names: the mask tags that are read; elsewhere: whatever
    else the task shows. Raises Unreadable for what is no object.

    A region of a mask tag that is not read is `PIXELS`: what people see would be incomplete
    without it.
    """
    if not isinstance(region, dict):
        raise Unreadable(kind(region), "an object")
    given = region.get("type")
    if not isinstance(given, str):
        return RegionKind.PIXELS, region
    if _is_on_another_page(region):
        return RegionKind.ELSEWHERE, region
    if region.get("from_name") in list(names):
        return RegionKind.PIXELS, region
    if given in ANSWERS:
        return RegionKind.ANSWER, region
    if given in OTHER_MEDIA or region.get("to_name") in list(elsewhere):
        return RegionKind.ELSEWHERE, region
    if given in POINTS:
        return RegionKind.POINT, region
    if given in LINES and not _is_closed(region):
        return RegionKind.LINE, region
    return RegionKind.PIXELS, region


def _is_on_another_page(region: Mapping[str, Any]) -> bool:
    page = region.get("item_index")
    return page is not None and not isinstance(page, bool) and page != 0


def _is_closed(region: Mapping[str, Any]) -> bool:
    value = region.get("value")
    return isinstance(value, dict) and value.get("closed") is True

"""Masks that were suggested for clicks and never accepted: people submit without them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from daemon.domain.faults import AnswerId


@dataclass(frozen=True, kw_only=True)
class SubmittedClicks:
    """Clicks that an annotation holds, mostly in the place of a mask that was not accepted.

    points: their ids, in their order. regions: ids of all regions of the annotation.
    """

    answer: AnswerId
    points: tuple[str, ...]
    regions: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class UnacceptedMask:
    """The mask that was suggested last for clicks of an annotation, and that is not in it.

    session: id of the first click. region: id that the suggestion had. label: its class.
    box_yxyx: the first row and column of the mask and those behind its last, pixels. area_px: its
    pixels. mask_png: 1-bit PNG of the box, base64. at: when it was suggested.
    """

    annotation: str
    task: str
    image_id: int
    session: str
    region: str
    label: str
    box_yxyx: tuple[int, int, int, int]
    area_px: int
    mask_png: str
    at: datetime

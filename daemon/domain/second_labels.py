"""Second labels: a validation image that another person labels too, unaware of the first label."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class SecondLabelState(enum.StrEnum):
    """The state of a second label.

    OPEN: another person is asked. GIVEN: another person labeled the image. DROPPED: nobody did,
    and nobody is asked again, since images that people skip are harder than others. WITHDRAWN:
    taken back for another reason; the image may be asked again in a later cycle.
    """

    OPEN = "open"
    GIVEN = "given"
    DROPPED = "dropped"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True)
class SecondLabel:
    """A second label of one validation image.

    cycle: in which it was asked. answers: ids of the annotations that its task had then. version:
    of the predictions among which the empty page is shown; None: not yet sent to the labeling
    tool. answer: the annotation of the other person; None without. words: why it was taken back,
    else "".
    """

    id: int
    image_id: int
    cycle: int
    task: str
    answers: tuple[str, ...]
    state: SecondLabelState
    opened_at: datetime
    version: str | None = None
    closed_at: datetime | None = None
    answer: str | None = None
    words: str = ""

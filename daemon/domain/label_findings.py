"""Findings of a label audit: places of a label that a person should look at again."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

COPIES = 4  # of an image, mirrored and turned, whose views are averaged, unless somebody says less


class FindingType(enum.StrEnum):
    """What seems to be wrong with a label.

    SWAP: another class. MISSING: an object without a label. UNLABELED_PART: a labeled object goes
    on outside of its label. OUTSIDE: a label where there is no object. SHIFT: the label lies beside
    its object. CONFLICT: pictures that are the same, or nearly, have different labels. RULE: an
    oddity that needs no model to be seen.
    """

    SWAP = "swap"
    MISSING = "missing"
    UNLABELED_PART = "unlabeled part"
    OUTSIDE = "outside"
    SHIFT = "shift"
    CONFLICT = "conflict"
    RULE = "rule"


class LabelUse(enum.StrEnum):
    """What the label of an image is used for now. NOTHING: the image is excluded."""

    TRAINING = "training"
    VALIDATION = "validation"
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class LabelWork:
    """How a label was made. annotator: "" where it is not known. lead_time_s: seconds that the tool
    measured. corrected: whether the shown prediction was changed; None: none was shown.
    overlap_px: pixels that were drawn by two classes."""

    annotator: str = ""
    lead_time_s: float | None = None
    corrected: bool | None = None
    overlap_px: int = 0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A place of the label of one image.

    labeled, proposed: names of the class in the label and of the one that the model sees.
    box_yxyx: its first row and column and those behind its last, pixels. area_px: pixels of the
    place. expected_precision: the probability that a person finds an error here, in [0, 1]; None
    where it is not known. planted_precision: the same by planted errors alone, that is, if errors
    are as frequent as these; the other one goes by reviews too, once there are enough. score: what
    findings of one audit are sorted by, higher is more suspicious. weak: the model was trained on
    this label. reason: one sentence. mask_png: 1-bit PNG of the place in its box, base64; ""
    without one.
    """

    image_id: int
    type: FindingType
    labeled: str
    proposed: str
    box_yxyx: tuple[int, int, int, int]
    area_px: int
    score: float
    expected_precision: float | None
    reason: str
    weak: bool = False
    mask_png: str = ""
    planted_precision: float | None = None


@dataclass(frozen=True, kw_only=True)
class ReviewedPlace:
    """What a reviewer made of a finding. planted_precision: as of `Finding`. is_error: whether the
    reviewer changed the place, in whichever way."""

    type: FindingType
    planted_precision: float
    is_error: bool


@dataclass(frozen=True, kw_only=True)
class AuditedLabels:
    """How far the labels are audited. compared: labels. weak: of these, by a model that had learned
    from them. findings: places in them. at: of the newest audit; None before the first."""

    compared: int
    weak: int
    findings: int
    at: datetime | None

"""Corrections: how much of a prediction an annotator changed."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.domain.prediction_version import PredictionVersion


@dataclass(frozen=True, kw_only=True)
class ClassPixels:
    """One class in a prediction and in its answer, in pixels.

    shown_px: the model gave this class. submitted_px: the annotator did. kept_px: both.
    """

    shown_px: int
    submitted_px: int
    kept_px: int

    @property
    def union_px(self) -> int:
        """Pixels that either gave this class."""
        return self.shown_px + self.submitted_px - self.kept_px

    @property
    def changed_px(self) -> int:
        """Pixels that only one of the two gave this class."""
        return self.shown_px + self.submitted_px - 2 * self.kept_px

    @property
    def iou(self) -> float:
        """Intersection over union of shown and submitted, in [0, 1]. Raises ZeroDivisionError for
        a class that neither holds."""
        return self.kept_px / self.union_px


@dataclass(frozen=True, kw_only=True)
class Correction:
    """How much of a prediction a person changed.

    changed_share: of the pixels, in [0, 1]; one that became "no label" counts as changed.
    classes: class name -> its pixels; classes that neither mask holds are left out.
    """

    changed_share: float
    classes: Mapping[str, ClassPixels] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CorrectedLabel:
    """A label that began as a prediction. version: of that prediction. lead_time_s: of
    work, as the labeling tool measured it. changed_share and classes: see `Correction`."""

    image_id: int
    annotator: str
    version: PredictionVersion
    changed_share: float
    lead_time_s: float | None
    classes: Mapping[str, ClassPixels]


@dataclass(frozen=True, kw_only=True)
class UnmeasuredAnswer:
    """A stored annotation that began as a prediction and is not measured yet.

    id: of the annotation. version: of the prediction that its annotator began with. mask: PNG.
    """

    id: str
    image_id: int
    version: str
    mask: bytes


class Unmeasured(enum.StrEnum):
    """Why the correction of an annotation is not known; the value is shown to people."""

    EMPTY_PAGE = "began with an empty page"
    OTHER_MAKER = "began with a prediction that is not ours"
    MASK_GONE = "the mask that was shown is gone"
    MASK_UNREADABLE = "the mask that was shown cannot be read"
    OTHER_SIZE = "the mask that was shown has another size"
    OTHER_CLASSES = "the mask that was shown has classes that are gone"
    NO_PIXEL = "the answer gives no pixel a class"

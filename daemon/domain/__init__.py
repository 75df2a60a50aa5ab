"""The nouns of the loop: frozen, keyword-only values. The glossary is in daemon/README.md.

Nothing here imports anything else of ours.
"""

from __future__ import annotations

from daemon.domain.annotations import (
    IGNORE,
    Annotation,
    Changes,
    ClassSet,
    Mask,
    Skip,
)
from daemon.domain.batches import (
    Ask,
    Budget,
    KeptPrediction,
    Pick,
    Prediction,
    Stage,
    TaskState,
)
from daemon.domain.clock import (
    Clock,
)
from daemon.domain.corrections import (
    ClassPixels,
    CorrectedLabel,
    Effort,
    Unmeasured,
)
from daemon.domain.evaluations import (
    Calibration,
    CurvePoint,
    Evaluation,
    Interval,
    Missing,
    Why,
)
from daemon.domain.faults import (
    AnswerId,
    Fault,
)
from daemon.domain.images import (
    Exclusion,
    FoundImage,
    Image,
    Role,
)
from daemon.domain.prediction_version import (
    PredictionVersion,
)

HINT_PATH = "/hint"  # of our page, where a labeling tool says "look now" ...
HINT_HEADER = "X-Maskloop-Secret"  # ... and shows that it may

__all__ = [
    "HINT_HEADER",
    "HINT_PATH",
    "IGNORE",
    "Annotation",
    "AnswerId",
    "Ask",
    "Budget",
    "Calibration",
    "Changes",
    "ClassPixels",
    "ClassSet",
    "Clock",
    "CorrectedLabel",
    "CurvePoint",
    "Effort",
    "Evaluation",
    "Exclusion",
    "Fault",
    "FoundImage",
    "Image",
    "Interval",
    "KeptPrediction",
    "Mask",
    "Missing",
    "Pick",
    "Prediction",
    "PredictionVersion",
    "Role",
    "Skip",
    "Stage",
    "TaskState",
    "Unmeasured",
    "Why",
]

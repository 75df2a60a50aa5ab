"""The nouns of the loop: frozen, keyword-only values. The glossary is in daemon/README.md.

Nothing here imports anything else of ours.
"""

from __future__ import annotations

from daemon.domain.annotations import (
    IGNORE,
    Annotation,
    AnnotationNotes,
    AnswerTime,
    Changes,
    ClassSet,
    DuplicateLabels,
    Label,
    LostLabels,
    Mask,
    Skip,
)
from daemon.domain.batches import (
    Budget,
    Pick,
)
from daemon.domain.clock import (
    Clock,
)
from daemon.domain.corrections import (
    ClassPixels,
    CorrectedLabel,
    Correction,
    Unmeasured,
    UnmeasuredAnswer,
)
from daemon.domain.cycles import (
    Cycle,
    Stage,
    StageTime,
)
from daemon.domain.evaluations import (
    Calibration,
    CurvePoint,
    Evaluation,
    Interval,
    Missing,
    Why,
)
from daemon.domain.events import (
    Event,
)
from daemon.domain.faults import (
    RESOLVED,
    AnswerId,
    Fault,
    FaultState,
    QuarantinedAnswer,
    QuarantinedFault,
)
from daemon.domain.heartbeat import (
    Heartbeat,
)
from daemon.domain.images import (
    Exclusion,
    FoundImage,
    IdenticalImage,
    Image,
    KnownImage,
    Role,
)
from daemon.domain.incidents import (
    Incident,
    Reason,
    Source,
)
from daemon.domain.prediction_version import (
    PredictionVersion,
)
from daemon.domain.predictions import (
    KeptPrediction,
    Prediction,
    PredictionSet,
)
from daemon.domain.tasks import (
    Draft,
    Push,
    QueuedTask,
    RefusedAnswer,
    Task,
    TaskRequest,
    TaskState,
)

HINT_PATH = "/hint"  # of our page, where a labeling tool says "look now" ...
HINT_HEADER = "X-Maskloop-Secret"  # ... and shows that it may
SMART_TOOL_PATH = "/smart-tool"  # of our page, where Label Studio sends clicks ...
SMART_TOOL_USER = "maskloop"  # ... under this name, with a password

__all__ = [
    "HINT_HEADER",
    "HINT_PATH",
    "IGNORE",
    "RESOLVED",
    "SMART_TOOL_PATH",
    "SMART_TOOL_USER",
    "Annotation",
    "AnnotationNotes",
    "AnswerId",
    "AnswerTime",
    "Budget",
    "Calibration",
    "Changes",
    "ClassPixels",
    "ClassSet",
    "Clock",
    "CorrectedLabel",
    "Correction",
    "CurvePoint",
    "Cycle",
    "Draft",
    "DuplicateLabels",
    "Evaluation",
    "Event",
    "Exclusion",
    "Fault",
    "FaultState",
    "FoundImage",
    "Heartbeat",
    "IdenticalImage",
    "Image",
    "Incident",
    "Interval",
    "KeptPrediction",
    "KnownImage",
    "Label",
    "LostLabels",
    "Mask",
    "Missing",
    "Pick",
    "Prediction",
    "PredictionSet",
    "PredictionVersion",
    "Push",
    "QuarantinedAnswer",
    "QuarantinedFault",
    "QueuedTask",
    "Reason",
    "RefusedAnswer",
    "Role",
    "Skip",
    "Source",
    "Stage",
    "StageTime",
    "Task",
    "TaskRequest",
    "TaskState",
    "Unmeasured",
    "UnmeasuredAnswer",
    "Why",
]

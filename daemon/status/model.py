"""Where the loop stands, as one value: terminal, page and demo read it, and its dump is the JSON of
`maskloop status --json` and of /api/v1/overview. Its schema: `maskloop status --schema`."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.domain import Exclusion, Stage
from daemon.insight.annotator_agreement import AnnotatorAgreement
from daemon.insight.burndown import Burndown
from daemon.insight.curve import Line, ServingModel
from daemon.insight.person_names import FullName, PersonName
from daemon.insight.review_totals import ReviewTotals
from daemon.insight.view_model import Count, Seconds, Share, Timestamp, ViewModel
from daemon.rules.readiness import Ending
from daemon.status.model_batch import BatchProgress, CorrectionTotals, HeldTask, SelectionRegime
from daemon.status.model_curve import EvaluatedCycle
from daemon.status.model_health import (
    DaemonState,
    DuplicateLabels,
    Event,
    Incident,
    MaskNote,
    QuarantinedInput,
    UnusedFiles,
)
from daemon.status.model_images import ImageRedundancy, ValidationComparison


class RunProgress(ViewModel):
    """How far the running child process is, or the reading of new images."""

    phase: str
    """What it does, such as "teacher" or "scoring"."""
    step: Count
    """Steps that are done."""
    steps: Count
    """Steps of the phase."""
    eta_s: Seconds | None
    """Estimated time until the phase is done, s; null while unknown."""
    seconds_per_step: Seconds | None
    """Duration of a step, s; null while unknown."""
    losses: Mapping[str, float]
    """Name -> value of the losses of the last step."""


class LoopEnd(ViewModel):
    """How the loop ended."""

    how: Ending
    """What ended it, for programs."""
    words: str
    """The same as a sentence, with what makes the loop go on."""
    cycles: Count
    """Cycles that were trained."""
    labels: Count
    """Labels that were given."""
    serving: Count | None
    """The cycle whose model is the one to use; null without any."""
    miou: Share | None
    """mIoU of that model on the validation images; null where it was not measured."""
    miou_interval: tuple[Share, Share] | None
    """95 % interval of `miou`; null where there is none."""


class LabelBudget(ViewModel):
    """The label budget. A labeled image counts once, validation included."""

    total: Count
    """[loop] budget_labels: images that people may be asked for."""
    spent: Count
    """Images that are labeled."""
    left: Count
    """Images that may still be labeled."""
    second: Count = 0
    """Second labels that another person was asked for and gave: each costs a label of the budget
    and is no label of the curve. Absent without any."""


class LabelUses(ViewModel):
    """What the labels are for; they add up to `labels.spent`."""

    train: Count
    """Labels to train on."""
    validation: Count
    """Labels to measure with."""
    unused: Count
    """Labels without a labeled pixel, or of an image that is left out."""


class TaskCounts(ViewModel):
    """Images that people are asked for. `open` = `open_batch` + `open_earlier` + `being_sent`."""

    open: Count
    """Images that wait for annotators."""
    open_batch: Count
    """Those of the newest batch."""
    open_earlier: Count
    """Those of earlier batches."""
    being_sent: Count
    """Those on their way to the labeling tool."""
    may_ask: Count
    """Images that the budget and the pool still allow to be asked."""


class ExcludedImages(ViewModel):
    """Images that are left out of training and of the pool for one reason."""

    why: Exclusion
    """The reason, for programs."""
    images: Count
    """How many images."""
    words: str
    """The reason, to be read after "images that"."""


class StageTime(ViewModel):
    """When a stage of a cycle began and ended."""

    cycle: Count
    """The cycle."""
    stage: Stage
    """The stage."""
    started_at: Timestamp
    """When it began."""
    finished_at: Timestamp | None
    """When it ended; null while it runs."""
    seconds: Seconds | None = None
    """Time that a daemon spent on it, s; null for a stage of an earlier release."""


class Status(ViewModel):
    """Where the loop stands. Times are ISO 8601 with a time zone."""

    cycle: Count | None
    """The newest cycle; null before the first."""
    stage: Stage | None
    """Its stage; "done" while people label. Null before the first cycle."""
    waiting: str | None
    """What the loop waits for, as a sentence; null where it waits for nothing."""
    paused: bool
    """Whether a person keeps trainings from starting, until `maskloop ask resume`."""
    daemon: DaemonState
    """Whether a daemon works on this state folder."""
    incidents: tuple[Incident, ...]
    """What does not work now, the oldest first."""
    progress: RunProgress | None
    """How far the running child process is; null where none works."""
    classes: tuple[str, ...]
    """Class names by pixel value; the first is the background."""
    ended: LoopEnd | None
    """How the loop ended; null while it goes on."""
    labels: LabelBudget
    """The label budget."""
    uses: LabelUses
    """What the labels are for."""
    images: Mapping[str, Count]
    """Role ("pool", "validation", "excluded") -> number of images; roles without any are absent."""
    tasks: TaskCounts
    """Images that people are asked for."""
    excluded: tuple[ExcludedImages, ...]
    """Images that are left out of training and of the pool, by reason."""
    redundancy: ImageRedundancy | None
    """How alike the images are; null before they were embedded."""
    validation_drift: ValidationComparison | None
    """Images added since the validation draw, against validation; null before there are enough."""
    evaluations: tuple[EvaluatedCycle, ...]
    """The trained cycles with their figures, by cycle."""
    curve: tuple[Line, ...]
    """The same as lines of a plot: mIoU first, then the test mIoU where there is one, then each
    class."""
    newest: ServingModel | None
    """The newest measured model that serves; null before any."""
    batch: BatchProgress | None
    """The newest batch that was asked; null before any."""
    people: Mapping[PersonName, FullName]
    """Annotator -> name, as the labeling tool says it; "" for those who may not see names."""
    held: tuple[HeldTask, ...]
    """The open tasks that somebody has begun, the oldest first; the others wait for somebody."""
    burndown: Burndown
    """The budget over the days, and when batch and budget are done at the present pace."""
    regime: SelectionRegime | None
    """How the strategy chose the newest batch; null for a strategy that has one way only."""
    stages: tuple[StageTime, ...]
    """When each stage of each cycle began and ended."""
    quarantine: tuple[QuarantinedInput, ...]
    """Inputs that could not be used; of an image that was asked again and again the newest
    alone."""
    quarantine_settled: tuple[QuarantinedInput, ...]
    """Inputs that could not be used and were mended or replaced since."""
    doubles: DuplicateLabels
    """Images that several people labeled."""
    reviews: ReviewTotals
    """Labels that another person was asked to look at once more."""
    agreement: AnnotatorAgreement
    """How well two people agree on the same validation images."""
    corrections: CorrectionTotals
    """How much people changed of all predictions."""
    notes: tuple[MaskNote, ...]
    """Labels whose mask was repaired when it was read, newest first."""
    events: tuple[Event, ...]
    """The newest events, newest first."""
    left_out: UnusedFiles
    """Files of the image folder that are not used."""

"""The status: the newest batch, and how much people changed of the predictions."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.domain import TaskState
from daemon.insight.corrections import ClassEffort, CorrectionEffort
from daemon.insight.person_names import PersonName
from daemon.insight.view_model import Count, Seconds, Share, Timestamp, ViewModel


class BatchImage(ViewModel):
    """An image of the newest batch."""

    image_id: int
    """Number of the image in the store."""
    name: str
    """Name of the image."""
    task: str
    """Its task in the labeling tool."""
    rank: int
    """Position in the batch from 1 on, in the order in which it was chosen; it never changes."""
    arm: str
    """Who chose it: "validation", "random" or the name of the strategy."""
    reason: str
    """Why it was chosen, for annotators."""
    state: TaskState
    """Where the question stands."""
    since: Timestamp
    """When the task was closed; of an open task, when it was created."""
    annotator: PersonName | None
    """Whose label counts; null without a label."""
    corrected: bool | None
    """Whether its annotator began with a prediction; null without a label."""


class HeldTask(ViewModel):
    """An open task that somebody has begun and not submitted."""

    image_id: int
    """Number of the image in the store."""
    image: str
    """Name of the image."""
    task: str
    """Its task in the labeling tool."""
    annotator: PersonName
    """Who holds it."""
    since: Timestamp
    """When their draft was saved first."""


class SelectionRegime(ViewModel):
    """How a strategy that changes with what is measured chose the newest batch."""

    cycle: Count
    """The cycle that chose it."""
    strategy: str
    """The name of the strategy."""
    name: str
    """The regime, for programs: of `auto` "start", "explore" or "refine"."""
    why: str
    """Why this one, as a sentence."""
    measures: Mapping[str, float]
    """The numbers that decided, by name."""


class BatchCorrections(ViewModel):
    """How much people changed of the predictions of the newest batch."""

    images: Count
    """Labels that began with a prediction."""
    changed_share: Share
    """Share of the pixels that got another class, mean over images."""
    iou: Mapping[str, Share]
    """Class name -> IoU of prediction and label, mean over the images that hold the class."""
    lead_time_s: Seconds | None
    """Median time of work an image, s; null where the labeling tool measured none."""


class BatchProgress(ViewModel):
    """The newest batch that was asked. `open` to `retired` count its images and add up to
    `asked`."""

    cycle: Count
    """The cycle that chose it."""
    asked: Count
    """Images that were asked."""
    open: Count
    """Images that wait for annotators."""
    labeled: Count
    """Images with a label."""
    skipped: Count
    """Images that `max_skips` people skipped."""
    expired: Count
    """Images that nobody labeled within `max_wait_hours`."""
    deleted: Count
    """Images whose task was deleted in the labeling tool."""
    unusable: Count
    """Images whose label could not be used."""
    withdrawn: Count
    """Images that were asked again in vain: their first label was corrected meanwhile."""
    retired: Count
    """Images that were taken back at the end of the loop; asked again when the budget is raised."""
    beyond_batch: Count
    """Images that were asked beyond the batch, so that nobody waits for a training."""
    skipped_once: Count
    """Open images that somebody skipped, though not enough people."""
    effort: BatchCorrections | None
    """How much people changed of the predictions; null where no prediction was answered."""
    images: tuple[BatchImage, ...]
    """All images that were asked, by rank."""

    @property
    def by_state(self) -> dict[TaskState, int]:
        """State -> how many of its images are in it; they add up to `asked`."""
        return {state: getattr(self, state.value) for state in TaskState}


class CorrectionTotals(ViewModel):
    """How much people changed of all predictions; null in each part where none was answered."""

    total: CorrectionEffort | None
    """Over all labels."""
    classes: Mapping[str, ClassEffort] | None
    """By class name."""
    people: Mapping[PersonName, CorrectionEffort] | None
    """By annotator."""
    cycles: Mapping[int, CorrectionEffort] | None
    """By the cycle whose model made the prediction."""
    unmeasured: Mapping[str, Count]
    """Why nothing is known of the other labels -> how many labels."""

"""The status: the trained cycles with all figures that were measured of their models."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.domain import Why
from daemon.domain.models import GateVerdict
from daemon.insight.view_model import Count, Seconds, Share, ViewModel


class MissingFigure(ViewModel):
    """Why a figure is null."""

    why: Why
    """The reason, for programs."""
    words: str
    """The reason as a sentence."""


class CalibrationFigures(ViewModel):
    """Whether a model is as often right as its probabilities say. Guo et al., ICML 2017."""

    ece: Share
    """Expected calibration error, 15 bins over the largest probability."""
    nll: float
    """Mean negative log-likelihood of a pixel, nats."""
    temperature: float | None
    """Divides the logits; found on validation images. Null where none was found."""
    ece_scaled: Share | None
    """`ece` with the temperature; null without one."""
    nll_scaled: float | None
    """`nll` with the temperature, nats; null without one."""


class ValidationFigures(ViewModel):
    """What was measured on the validation images."""

    miou: Share | None
    """Mean IoU over the classes that the masks hold, background included; null where it was not
    measured."""
    iou: Mapping[str, Share | None]
    """Class name -> IoU over all images; null for a class that no mask holds."""
    miou_interval: tuple[Share, Share] | None
    """95 % interval of `miou`; null where there is none."""
    missing: Mapping[str, MissingFigure]
    """Name of a figure ("miou", "miou_interval", "iou.weed") -> why it is null."""
    remarks: tuple[str, ...]
    """What has to be shown beside `miou`: why it is null, or which classes it leaves out."""
    images: Count | None = None
    """How many images were measured. Absent without an evaluation."""
    interval_coverage: Share | None = None
    """In which share of simulated cases the interval holds the true value; null for a method of
    an earlier release. Absent without an evaluation."""
    interval_groups: Count | None = None
    """How many groups of images the interval was computed from; null where each image counts for
    itself. Absent without an evaluation."""
    interval_words: str = ""
    """What the interval was computed from, or why there is none. Absent without an evaluation."""
    image_miou: Share | None = None
    """Mean over images of the mean IoU over the classes in truth or prediction. Absent where it
    was not measured."""
    boundary_iou: Mapping[str, Share | None] | None = None
    """Class name -> IoU of the bands along the outlines, 2 % of the image diagonal wide. Absent
    where it was not measured."""
    confusion: tuple[tuple[Count, ...], ...] | None = None
    """Pixels by (true class, predicted class), a row for each true class. Absent where it was not
    measured."""
    calibration: CalibrationFigures | None = None
    """Calibration of the probabilities. Absent where it was not measured."""


class TestFigures(ViewModel):
    """What was measured on the test images, which decide nothing. All absent without a test set."""

    test_miou: Share | None = None
    """As `miou`, on the test images."""
    test_iou: Mapping[str, Share | None] | None = None
    """As `iou`, on the test images."""
    test_miou_interval: tuple[Share, Share] | None = None
    """As `miou_interval`, on the test images."""
    test_missing: Mapping[str, MissingFigure] | None = None
    """As `missing`, on the test images."""
    test_remarks: tuple[str, ...] | None = None
    """As `remarks`, on the test images."""
    test_images: Count | None = None
    """As `images`, on the test images."""
    test_interval_coverage: Share | None = None
    """As `interval_coverage`, on the test images."""
    test_interval_groups: Count | None = None
    """As `interval_groups`, on the test images."""
    test_interval_words: str = ""
    """As `interval_words`, on the test images."""
    test_image_miou: Share | None = None
    """As `image_miou`, on the test images."""
    test_boundary_iou: Mapping[str, Share | None] | None = None
    """As `boundary_iou`, on the test images."""
    test_confusion: tuple[tuple[Count, ...], ...] | None = None
    """As `confusion`, on the test images."""
    test_calibration: CalibrationFigures | None = None
    """As `calibration`, on the test images."""


class EvaluatedCycle(ValidationFigures, TestFigures):
    """A trained cycle: a point of the learning curve with all its figures."""

    cycle: Count
    """Number of the cycle; cycle 0 asks before there is a model, so the first trained one is 1."""
    labels: Count
    """Labeled images when the training began, validation included: the x axis of the curve."""
    train_labels: Count
    """Those of them that are not validation images."""
    seconds: Seconds | None
    """Duration of the training, s; null where it is unknown."""
    refused: bool
    """Whether the model was refused as clearly worse, so that an earlier one serves."""
    serving: Count
    """The cycle whose model served after this training."""
    verdict: GateVerdict | None = None
    """What the gate said of this model. Absent where an earlier release judged it."""
    verdict_words: str = ""
    """The verdict as a sentence, where the model does not serve as usual. Absent as above."""
    labels_deleted: Count
    """Labels of this model that were deleted since."""
    labels_unconfirmed: Count
    """Labels of this model that were drawn on an image file that was replaced since."""
    labels_changed: Count = 0
    """Labels of this model that somebody changed since, so that training again would move the
    figure without a new label. Absent without any."""

    @property
    def has_test(self) -> bool:
        """Whether there was a test set, measured or not."""
        return self.test_remarks is not None

    @property
    def interval(self) -> str:
        """Both ends of the 95 % interval of the mIoU; empty without one."""
        return _ends(self.miou_interval)

    @property
    def test_interval(self) -> str:
        """The same on the test images."""
        return _ends(self.test_miou_interval)

    @property
    def lost_labels(self) -> str:
        """What became of labels that this model was trained or measured with, as a phrase; empty
        where all of them still count."""
        deleted, unconfirmed = self.labels_deleted, self.labels_unconfirmed
        parts = [f"{deleted} of its labels were deleted since"] if deleted else []
        if unconfirmed:
            replaced = "of its labels were drawn on a picture that was replaced since"
            parts.append(f"{unconfirmed} {replaced}")
        if self.labels_changed:
            parts.append(f"labels changed: {self.labels_changed} of them since")
        return "; ".join(parts)


def _ends(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"{interval[0]:.3f}-{interval[1]:.3f}"

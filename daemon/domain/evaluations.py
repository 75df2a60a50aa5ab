"""How good a model is."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

MIOU = "miou"  # names of figures in Evaluation.missing ...
INTERVAL = "miou_interval"
COMMON_IGNORE = 0.001  # share of 255 from which a class that is absent may have been written so


def iou_figure(name: str) -> str:
    """... and that of the IoU of a class."""
    return f"iou.{name}"


def labels_figure(name: str) -> str:
    """What the labels that taught the model say of a class: nothing, where it is missing."""
    return f"labels.{name}"


class Why(enum.StrEnum):
    """Why a figure is not there. daemon/insight/missing_figures.py puts it into words."""

    NO_IMAGES = "no_images"  # nothing was measured on
    NO_LABEL = "no_label"  # every pixel is 255
    ONE_CLASS = "one_class"  # the truth holds one class: agreement with it says nothing
    CLASS_ABSENT = "class_absent"  # the truth does not hold the class
    CLASS_UNLABELED = "class_unlabeled"  # no label that the model was trained on holds it
    CLASS_AS_IGNORE = "class_as_ignore"  # the same, while 255 ("no label") is common
    FEW_IMAGES = "few_images"  # too few for an interval
    FEW_GROUPS = "few_groups"
    RARE_CLASS = "rare_class"  # too few images hold a class of the mean, for an interval
    NO_SPREAD = "no_spread"  # the model does equally well on each image, to the last pixel
    TEST_FILES = "test_files"  # files of the test set cannot be used
    TEST_SETTING = "test_setting"  # [test] does not fit what is there
    TEST_FAILED = "test_failed"  # the model could not be run over the test images


@dataclass(frozen=True, kw_only=True)
class Missing:
    """Why a figure is not there, with what the words need.

    classes: those at fault. count, needed: how many there were and would have to be. share: of
    the pixels that are 255, in [0, 1]. detail: the words of a fault, where one was the reason.
    """

    why: Why
    classes: tuple[str, ...] = ()
    count: int | None = None
    needed: int | None = None
    share: float | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A 95 % interval of an mIoU. coverage: how often it holds the true value in simulation, in
    [0, 1]. groups: how many groups of images it was made from, None where each image counts."""

    low: float
    high: float
    coverage: float
    groups: int | None = None


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Whether a model is as often right as it is sure. Guo et al., ICML 2017.

    ece: expected calibration error, 15 bins over the largest probability, in [0, 1]. nll: mean
    negative log-likelihood of a pixel, nats. temperature: found on validation images; the
    logits divided by it give ece_scaled and nll_scaled. None where nothing was found or tried.
    """

    ece: float
    nll: float
    temperature: float | None = None
    ece_scaled: float | None = None
    nll_scaled: float | None = None


@dataclass(frozen=True, kw_only=True)
class MeasuredImage:
    """What a model did on one image, so that two models can be compared image by image.

    image: its id. group: the group that it was drawn in, "" for none. pixels: by class, in the
    order of the names: pixels of truth and prediction in common, of the truth, of the prediction.
    mistakes: (index of the true class, of the predicted one, pixels), most pixels first; of an
    earlier release none.
    """

    image: int
    group: str
    pixels: tuple[tuple[int, int, int], ...]
    mistakes: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How well masks agree with people's, over `images` images.

    iou: class name -> intersection over union of the summed confusion matrix, in [0, 1], in no
    order; None for a class that the truth does not hold. miou: mean over the others, background
    included; None where the truth holds fewer than two classes. miou_interval: its 95 % interval,
    which in simulation holds the true value in the share `interval_coverage` of cases;
    interval_groups: how many groups of images it was made from, None where each image counts for
    itself. missing: why a figure is None, by its name; and why one says nothing, as that
    of a class that no label taught.
    image_miou: mean over images of the mean IoU over the classes in truth or prediction.
    boundary_iou: class name -> IoU of the bands along the outlines, 2 % of the diagonal wide.
    confusion: pixels by (truth, prediction), a row for each class of the truth.
    by_image: each image by itself, in the result of a run only: the store does not keep it.
    precision: number format of the network, fp32 or bf16; None in figures of earlier releases.
    """

    images: int
    miou: float | None
    iou: Mapping[str, float | None]
    miou_interval: tuple[float, float] | None = None
    interval_coverage: float | None = None
    interval_groups: int | None = None
    missing: Mapping[str, Missing] = field(default_factory=dict)
    image_miou: float | None = None
    boundary_iou: Mapping[str, float | None] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()
    calibration: Calibration | None = None
    by_image: tuple[MeasuredImage, ...] = ()
    precision: str | None = None

    @classmethod
    def absent(cls, missing: Missing) -> Evaluation:
        """Nothing was measured, and why."""
        return cls(images=0, miou=None, iou={}, missing={MIOU: missing, INTERVAL: missing})


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One trained cycle on the learning curve. labels counts validation, train_labels not."""

    cycle: int
    labels: int
    train_labels: int
    validation: Evaluation | None
    test: Evaluation | None = None
    seconds: float | None = None

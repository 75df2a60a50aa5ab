"""How good a model is, as frozen dataclasses. Part of daemon/domain.py, which names them too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
class Evaluation:
    """How well masks agree with people's, over `images` images.

    iou: class name -> intersection over union of the summed confusion matrix, in [0, 1]; None
    for a class that the truth does not hold. miou: mean over the others, background
    included; None without any. miou_interval: 95 % bootstrap interval over images.
    image_miou: mean over images of the mean IoU over the classes in truth or prediction.
    boundary_iou: class name -> IoU of the bands along the outlines, 2 % of the diagonal wide.
    confusion: pixels by (truth, prediction), a row for each class of the truth.
    """

    images: int
    miou: float | None
    iou: Mapping[str, float | None]
    miou_interval: tuple[float, float] | None = None
    image_miou: float | None = None
    boundary_iou: Mapping[str, float | None] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()
    calibration: Calibration | None = None


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One trained cycle on the learning curve. labels counts validation, train_labels not."""

    cycle: int
    labels: int
    train_labels: int
    validation: Evaluation | None
    test: Evaluation | None = None
    seconds: float | None = None

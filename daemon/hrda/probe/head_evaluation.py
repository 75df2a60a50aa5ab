"""How good a head is on labeled images: IoU by pixel, calibration by cell.

A pixel takes the prediction of its cell, so that outlines are as coarse as cells: figures rank
heads and are no mIoU of a segmentation. Boundary IoU is left out for the same reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from daemon.domain import Evaluation
from daemon.hrda.evaluation.calibration import CalibrationTally, TemperatureFit
from daemon.hrda.evaluation.iou import evaluation
from daemon.hrda.probe.cell_measures import probabilities
from daemon.hrda.probe.known_files import LabeledFeatures
from daemon.hrda.probe.label_cells import confusion_of, labels_of
from daemon.hrda.probe.linear_head import LinearHead


def fitted_temperature(
    head: LinearHead, validation: Sequence[LabeledFeatures], classes: Sequence[str]
) -> tuple[LinearHead, Evaluation]:
    """The head with the temperature that fits these images best, and its evaluation on them."""
    found = _evaluated(head, validation, classes, TemperatureFit())
    temperature = found.calibration.temperature if found.calibration else None
    return dataclasses.replace(head, temperature=temperature or 1.0), found


def evaluate_head(
    head: LinearHead,
    labeled: Sequence[LabeledFeatures],
    classes: Sequence[str],
    temperature: float | None = None,
) -> Evaluation:
    """The evaluation on these images. temperature: fitted on others, for calibration."""
    return _evaluated(head, labeled, classes, CalibrationTally(temperature))


def _evaluated(
    head: LinearHead,
    labeled: Sequence[LabeledFeatures],
    classes: Sequence[str],
    tally: CalibrationTally,
) -> Evaluation:
    matrices = []
    for one in labeled:
        logits = head.logits(one.image.cells)
        matrices.append(confusion_of(one.pixels, logits.argmax(axis=-1)))
        tally.add(labels_of(one.pixels), probabilities(logits, 1.0))
    groups = [one.file.group for one in labeled]
    pixels = sum(one.image.size[0] * one.image.size[1] for one in labeled)
    known = sum(int(one.pixels.sum()) for one in labeled)
    found = evaluation(
        matrices,
        classes,
        groups=groups if any(groups) else (),
        ignored=1 - known / max(1, pixels),
    )
    return dataclasses.replace(found, calibration=tally.calibration())

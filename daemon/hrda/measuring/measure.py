"""A model measured on labeled images, one by one: memory does not grow with their number."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from daemon.domain import Evaluation, Mask
from daemon.hrda.images.pictures import UnusableMask, read_mask
from daemon.hrda.inference.infer import Seen
from daemon.hrda.inference.passes import seen
from daemon.hrda.measuring.boundary import boundary_counts, boundary_iou
from daemon.hrda.measuring.calibration import Fitting, Sureness
from daemon.hrda.measuring.metric import Counts, by_name, confusion, evaluation
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.signs import Signs
from daemon.runs import LabeledFile, RunFolder


class Tally:
    """All figures of a model, image by image; a confusion matrix is all that is kept of each."""

    def __init__(self, classes: Sequence[str], sureness: Sureness) -> None:
        self.classes = classes
        self.matrices: list[Counts] = []
        self.boundary = np.zeros((2, len(classes)), np.int64)
        self.sureness = sureness

    def add(self, truth: Mask, probability: npt.NDArray[np.float32]) -> None:
        """truth: (H, W). probability: (C, H, W), sums to 1 over C."""
        predicted = probability.argmax(axis=0).astype(np.uint8)
        self.matrices.append(confusion(truth, predicted, len(self.classes)))
        self.boundary += boundary_counts(truth, predicted, len(self.classes))
        self.sureness.add(truth, probability)

    def evaluation(self) -> Evaluation:
        """The figures."""
        found = evaluation(self.matrices, self.classes)
        present = np.array([found.iou[name] is not None for name in self.classes])
        return dataclasses.replace(
            found,
            boundary_iou=by_name(boundary_iou(self.boundary, present), self.classes),
            calibration=self.sureness.calibration(),
        )


def evaluate(
    folder: RunFolder,
    net: Segmentor,
    files: Sequence[LabeledFile],
    classes: Sequence[str],
    phase: str,
    temperature: float | None = None,
) -> Evaluation | None:
    """How well the model's masks agree with people's; None without any.

    temperature: found on other images, to be tried on these.
    """
    return _measured(folder, net, files, Tally(classes, Sureness(temperature)), phase)


def validate(
    folder: RunFolder,
    net: Segmentor,
    files: Sequence[LabeledFile],
    classes: Sequence[str],
    phase: str,
) -> Evaluation | None:
    """As `evaluate`, and the temperature that fits these images best."""
    return _measured(folder, net, files, Tally(classes, Fitting()), phase)


def _measured(
    folder: RunFolder, net: Segmentor, files: Sequence[LabeledFile], tally: Tally, phase: str
) -> Evaluation | None:
    if not files:
        return None
    for mask, look in beside_masks(folder, net, files, len(tally.classes), phase):
        tally.add(mask, look.probability().numpy())
    return tally.evaluation()


def beside_masks(
    folder: RunFolder, net: Segmentor, files: Sequence[LabeledFile], classes: int, phase: str
) -> Iterator[tuple[Mask, Seen]]:
    """What people drew and what the model sees, image by image, with signs of life.

    Raises UnusableMask where the two differ in size.
    """
    looks = Signs(folder, phase, len(files)).over(seen(net, files))
    for file, (_, look) in zip(files, looks, strict=True):
        mask = read_mask(file, classes)
        if mask.shape != look.size:
            raise UnusableMask(file, f"the size {mask.shape}", f"that of its image, {look.size}")
        yield mask, look

"""A model measured on labeled images, one by one: memory does not grow with their number."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, Evaluation, Mask
from daemon.hrda.data.guarded_reading import Reading
from daemon.hrda.evaluation.boundary_iou import boundary_counts, boundary_iou
from daemon.hrda.evaluation.calibration import Fitting, Sureness
from daemon.hrda.evaluation.iou import Counts, by_name, confusion, evaluation
from daemon.hrda.inference.batches import seen
from daemon.hrda.inference.whole_images import Seen
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.progress import Signs
from daemon.runs.folder import LabeledFile, RunFolder


class Tally:
    """All figures of a model, image by image; a confusion matrix is all that is kept of each."""

    def __init__(self, classes: Sequence[str], sureness: Sureness) -> None:
        self.classes = classes
        self.matrices: list[Counts] = []
        self.boundary = np.zeros((2, len(classes)), np.int64)
        self.sureness = sureness
        self.groups: list[str] = []
        self.ignored_px, self.pixels = 0, 0

    def add(self, truth: Mask, probability: npt.NDArray[np.float32], group: str = "") -> None:
        """truth: (H, W). probability: (C, H, W), sums to 1 over C. group: of the image."""
        self.add_bands(truth, [(slice(None), probability)], group)

    def add_bands(
        self,
        truth: Mask,
        bands: Iterable[tuple[slice, npt.NDArray[np.float32]]],
        group: str = "",
    ) -> None:
        """The same of an image whose probability comes as (C, h, W) of some rows at a time."""
        classes = len(self.classes)
        predicted, matrix = np.empty_like(truth), np.zeros((classes, classes), np.int64)
        for rows, probability in bands:
            predicted[rows] = probability.argmax(axis=0)
            matrix += confusion(truth[rows], predicted[rows], classes)
            self.sureness.add(truth[rows], probability)
        self.matrices.append(matrix)
        self.boundary += boundary_counts(truth, predicted, classes)
        self.groups.append(group)
        self.ignored_px += int((truth == IGNORE).sum())
        self.pixels += truth.size

    def evaluation(self) -> Evaluation:
        """The figures."""
        found = evaluation(
            self.matrices,
            self.classes,
            groups=self.groups if any(self.groups) else (),
            ignored=self.ignored_px / max(1, self.pixels),
        )
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
    reading: Reading,
    temperature: float | None = None,
) -> Evaluation | None:
    """How well the model's masks agree with people's; None without any.

    Files that cannot be used are left out, and are among the faults of `reading`. temperature:
    found on other images, to be tried on these.
    """
    return _measured(folder, net, files, Tally(classes, Sureness(temperature)), phase, reading)


def validate(
    folder: RunFolder,
    net: Segmentor,
    files: Sequence[LabeledFile],
    classes: Sequence[str],
    phase: str,
    reading: Reading,
) -> Evaluation | None:
    """As `evaluate`, and the temperature that fits these images best."""
    return _measured(folder, net, files, Tally(classes, Fitting()), phase, reading)


def _measured(
    folder: RunFolder,
    net: Segmentor,
    files: Sequence[LabeledFile],
    tally: Tally,
    phase: str,
    reading: Reading,
) -> Evaluation | None:
    if not files:
        return None
    for file, mask, look in beside_masks(folder, net, files, len(tally.classes), phase, reading):
        bands = ((rows, probability.numpy()) for rows, probability in look.bands())
        tally.add_bands(mask, bands, file.group)
    return tally.evaluation()


def beside_masks(
    folder: RunFolder,
    net: Segmentor,
    files: Sequence[LabeledFile],
    classes: int,
    phase: str,
    reading: Reading,
) -> Iterator[tuple[LabeledFile, Mask, Seen]]:
    """What people drew and what the model sees, image by image, with signs of life.

    Images that cannot be read or whose mask is none of theirs are left out.
    """
    for file, look in Signs(folder, phase, len(files)).over(seen(net, files, reading)):
        mask = reading.mask(file, classes, look.size)
        if mask is not None:
            yield file, mask, look

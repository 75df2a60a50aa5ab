"""Evaluation of a model on labeled images, one by one: memory does not grow with their number."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from daemon.domain import IGNORE, Evaluation, Mask
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.evaluation.boundary_iou import boundary_counts, boundary_iou
from daemon.hrda.evaluation.calibration import CalibrationTally, TemperatureFit
from daemon.hrda.evaluation.iou import (
    Counts,
    by_name,
    confusion,
    evaluation,
    measured_images,
)
from daemon.hrda.inference.streaming import predictions_of
from daemon.hrda.inference.whole_images import ImagePrediction
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.progress import ProgressReporter
from daemon.runs.run_folder import LabeledFile, RunFolder

KeepMask = Callable[[LabeledFile, Mask], None]


class EvaluationTally:
    """All figures of a model, image by image; of each image only a confusion matrix is kept."""

    def __init__(self, classes: Sequence[str], calibration: CalibrationTally) -> None:
        self.classes = classes
        self.matrices: list[Counts] = []
        self.boundary = np.zeros((2, len(classes)), np.int64)
        self.calibration = calibration
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
    ) -> Mask:
        """The same of an image in bands: slices of rows with their (C, h, W) probability; returns
        the predicted mask (H, W)."""
        classes = len(self.classes)
        predicted, matrix = np.empty_like(truth), np.zeros((classes, classes), np.int64)
        for rows, probability in bands:
            predicted[rows] = probability.argmax(axis=0)
            matrix += confusion(truth[rows], predicted[rows], classes)
            self.calibration.add(truth[rows], probability)
        self.matrices.append(matrix)
        self.boundary += boundary_counts(truth, predicted, classes)
        self.groups.append(group)
        self.ignored_px += int((truth == IGNORE).sum())
        self.pixels += truth.size
        return predicted

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
            calibration=self.calibration.calibration(),
        )


def evaluate(
    folder: RunFolder,
    net: Segmentor,
    files: Sequence[LabeledFile],
    classes: Sequence[str],
    phase: str,
    reader: FileReader,
    temperature: float | None = None,
) -> Evaluation | None:
    """The figures of the model on labeled images; None without any.

    Files that cannot be used are left out, and are among the faults of `reader`. temperature:
    fitted on other images, to be applied to these.
    """
    return _evaluated(
        folder, net, files, EvaluationTally(classes, CalibrationTally(temperature)), phase, reader
    )


def validate(
    folder: RunFolder,
    net: Segmentor,
    files: Sequence[LabeledFile],
    classes: Sequence[str],
    phase: str,
    reader: FileReader,
    keep: KeepMask | None = None,
) -> Evaluation | None:
    """As `evaluate`, and the temperature that fits these images best. keep: is given each file with
    its predicted mask."""
    tally = EvaluationTally(classes, TemperatureFit())
    return _evaluated(folder, net, files, tally, phase, reader, keep)


def _evaluated(
    folder: RunFolder,
    net: Segmentor,
    files: Sequence[LabeledFile],
    tally: EvaluationTally,
    phase: str,
    reader: FileReader,
    keep: KeepMask | None = None,
) -> Evaluation | None:
    if not files:
        return None
    ids = []
    for file, mask, prediction in predictions_with_masks(
        folder, net, files, len(tally.classes), phase, reader
    ):
        bands = ((rows, probability.numpy()) for rows, probability in prediction.bands())
        predicted = tally.add_bands(mask, bands, file.group)
        if keep is not None:
            keep(file, predicted)
        ids.append(file.id)
    by_image = measured_images(ids, tally.groups, tally.matrices)
    precision = "bf16" if net.bf16 else "fp32"
    return dataclasses.replace(tally.evaluation(), by_image=by_image, precision=precision)


def predictions_with_masks(
    folder: RunFolder,
    net: Segmentor,
    files: Sequence[LabeledFile],
    classes: int,
    phase: str,
    reader: FileReader,
) -> Iterator[tuple[LabeledFile, Mask, ImagePrediction]]:
    """Each image with its mask and its prediction, with progress reports of `phase`.

    Images that cannot be read, or whose mask does not fit, are left out.
    """
    for file, prediction in ProgressReporter(folder, phase, len(files)).track(
        predictions_of(net, files, reader)
    ):
        mask = reader.mask(file, classes, prediction.size)
        if mask is not None:
            yield file, mask, prediction

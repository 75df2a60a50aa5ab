"""Masks of many images by the training process, a piece of the list after the other.

Disk and memory are bounded by a piece: each mask leaves its run folder as soon as it is there.
"""

from __future__ import annotations

import io
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from daemon.datasets.export.linked_copy import link_or_copy
from daemon.datasets.export.predicted_images import Prediction
from daemon.datasets.export.prediction_files import WORK, PredictionFiles
from daemon.domain import Fault, Mask
from daemon.domain.errors import ExportRefused
from daemon.launchers import Launcher
from daemon.rules.postprocess import postprocess_mask
from daemon.runs.records import FileFault, PredictResult
from daemon.runs.run_folder import RunFolder

PIECE = 1000  # images of a run: its start takes seconds
POLL_S = 0.2


def predict_all(
    prediction: Prediction, out: Path, launcher: Launcher, progress: Callable[[int, int], None]
) -> tuple[int, list[Fault]]:
    """Write the masks that are missing in an export; how many are there then, and the faults.

    Raises RunFailed; what is there stays, and the next call goes on.
    """
    files = PredictionFiles(out=out, prediction=prediction)
    files.open()
    runs = PredictionRuns(files=files, launcher=launcher, progress=progress)
    runs.run()
    files.close(len(runs.faults))
    return len(files.done), runs.faults


@dataclass(kw_only=True)
class PredictionRuns:
    """Predicts what is missing. progress: called with the number of masks done and of all."""

    files: PredictionFiles
    launcher: Launcher
    progress: Callable[[int, int], None]
    faults: list[Fault] = field(default_factory=list)

    def run(self) -> None:
        """Write the masks of all images. Raises RunFailed, and ExportRefused where the model is
        gone."""
        prediction, work = self.files.prediction, self.files.out / WORK
        shutil.rmtree(work, ignore_errors=True)  # of an export that was killed
        work.mkdir()
        checkpoint = work / "checkpoint.pth"
        try:
            self._keep(prediction.model.checkpoint, checkpoint)
            missing = [one for one in prediction.images if one not in self.files.done]
            for at in range(0, len(missing), PIECE):
                folder = RunFolder(work / "run")
                part = missing[at : at + PIECE]
                folder.write_request(prediction.request(part, checkpoint))
                self._finish(folder)
                shutil.rmtree(folder.path)
        finally:
            self.launcher.stop()
            checkpoint.unlink(missing_ok=True)
        shutil.rmtree(work)  # after a failure its log stays, which the error names

    def _keep(self, checkpoint: Path, copy: Path) -> None:
        """Hold on to the model: a running loop may remove it when a better one serves."""
        try:
            link_or_copy(checkpoint, copy)
        except (FileNotFoundError, ValueError) as exc:
            raise ExportRefused(f"{checkpoint}: the model is gone: {exc}; export again") from exc

    def _finish(self, folder: RunFolder) -> None:
        try:
            while not self.launcher.advance(folder, "predict"):
                self._take(folder)
                time.sleep(POLL_S)
        finally:
            self._take(folder)
        for fault in folder.read_result(PredictResult).faults:
            self.faults.append(self._fault(fault))

    def _take(self, folder: RunFolder) -> None:
        """Move the masks that are there, cleaned as those that people correct."""
        prediction = self.files.prediction
        for path in folder.mask(0).parent.glob("*.png"):
            mask = postprocess_mask(
                _read(path),
                min_region_px=prediction.min_region_px,
                fill_holes_px=prediction.fill_holes_px,
            )
            self.files.write(int(path.stem), mask)
            with suppress(FileNotFoundError):
                path.unlink()
            self.progress(len(self.files.done), len(prediction.images))

    def _fault(self, fault: FileFault) -> Fault:
        image = self.files.prediction.images[fault.id]
        where = f"prediction of image {image.name!r}"
        return Fault(where=where, got=fault.got, expected=fault.expected, cure=fault.cure)


def _read(path: Path) -> Mask:
    with Pillow.open(io.BytesIO(path.read_bytes())) as png:
        return np.asarray(png, dtype=np.uint8)

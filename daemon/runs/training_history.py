"""history.json of a training: its losses, rate and figures over the iterations, for its page.

It has at most `MOST_POINTS` points and `MOST_PREVIEWS` previews, however long the training is. A
reader that finds it damaged, or of a later release, has no history: nothing else depends on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from daemon.runs.records import FileRole, Record
from daemon.runs.run_folder import RunFolder

MOST_POINTS = 400
MOST_PREVIEWS = 24
PreviewKind = Literal["prediction", "pseudo"]
MOST_BYTES = 16_000_000  # of a file that is read


class HistoryPoint(Record):
    """After so many iterations. seconds: since the start. losses: means since the point before, by
    name: labeled_*, mixed_* and masked_* are losses, sure_K is the share of the pixels of class K
    whose pseudo-label counts, in [0, 1]."""

    iteration: int
    seconds: float
    learning_rate: float
    losses: Mapping[str, float]


class MeasuredPoint(Record):
    """What the model measured on the way: the mIoU on validation images, in [0, 1]; with
    keep_consistent the agreement of two views of pool images."""

    iteration: int
    figure: float | None


class PreviewImage(Record):
    """An image that is previewed: its id in the store, and its role."""

    id: int
    role: FileRole

    @property
    def key(self) -> str:
        """Names its files; ids are unique within a role only."""
        return f"{self.role.value}-{self.id}"


class Preview(Record):
    """The predictions of all preview images after so many iterations. miou: of those with a mask
    alone, in [0, 1]: it shows a trend, and is no measure of the model."""

    iteration: int
    miou: float | None = None


class TrainingHistory(Record):
    """The history of a training. iterations: how many are planned. preview_seconds: that previews
    took so far."""

    version: Literal[1] = 1
    classes: tuple[str, ...]
    iterations: int
    points: tuple[HistoryPoint, ...] = ()
    measured: tuple[MeasuredPoint, ...] = ()
    images: tuple[PreviewImage, ...] = ()
    previews: tuple[Preview, ...] = ()
    preview_seconds: float = 0.0


def read_history(run: RunFolder) -> TrainingHistory | None:
    """The history so far; None where there is none that can be read."""
    path = run.path / "history.json"
    try:
        if path.stat().st_size > MOST_BYTES:
            return None
        return TrainingHistory.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def write_history(run: RunFolder, history: TrainingHistory) -> None:
    """Replace the history. Not fsynced: losing it costs nothing else."""
    part = run.path / "history.json.part"
    part.write_text(history.model_dump_json())
    part.replace(run.path / "history.json")


def preview_mask(run: RunFolder, image: PreviewImage, iteration: int, kind: PreviewKind) -> Path:
    """The predicted mask of a preview image, or its pseudo-label, after so many iterations: a PNG
    of class indices (daemon/pixels/small_masks.py)."""
    return run.path / "previews" / f"{iteration:08d}-{image.key}-{kind}.png"


def validation_mask(run: RunFolder, image_id: int) -> Path:
    """The mask that the finished model predicts for a validation image, likewise."""
    return run.path / "validation" / f"{image_id}.png"


def label_mask(run: RunFolder, image_id: int) -> Path:
    """The mask by people that a training of the daemon learned from, or was measured with."""
    return run.path / "labels" / f"{image_id}.png"

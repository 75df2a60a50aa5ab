"""The card of a model: what it was taught, how good it is, and how its files are used.

model.json of an export, and the answer of GET /v1/model.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from daemon.runs.records import Record

CARD = "model.json"
CHECKPOINT, TORCH_GRAPH, ONNX_GRAPH = "checkpoint.pth", "model.pt2", "model.onnx"
WORDS, SCRIPT, NOTEBOOK = "README.md", "predict.py", "predict.ipynb"
EXPORTED = (CARD, CHECKPOINT, TORCH_GRAPH, ONNX_GRAPH, WORDS, SCRIPT, NOTEBOOK)


class ModelFigures(Record):
    """How good the model is on one set of images. `daemon.domain.Evaluation` says what each means.

    split: "validation" or "test". missing: why a figure is null, by its name. ece: expected
    calibration error, in [0, 1]. precision: number format of the network that was measured, fp32 or
    bf16; null where it is not known.
    """

    split: Literal["validation", "test"]
    images: int
    miou: float | None
    miou_interval: tuple[float, float] | None = None
    interval_coverage: float | None = None
    iou: Mapping[str, float | None] = {}
    missing: Mapping[str, str] = {}
    ece: float | None = None
    precision: str | None = None


class TrainingFacts(Record):
    """What the model was taught. seconds: of the training. temperature: the logits divided by it
    are calibrated best on validation; null where none was fitted. started_from: the encoder's
    weights, or the model of an earlier cycle."""

    train_labels: int
    validation_labels: int
    unlabeled: int
    iterations: int
    seconds: float
    seed: int
    temperature: float | None = None
    started_from: str
    versions: Mapping[str, str] = {}


class ModelFacts(Record):
    """What the daemon knows of a model. cycle: of the loop, null outside of one. colours: pixel
    value -> #rrggbb on the pages of the loop."""

    name: str
    cycle: int | None = None
    training: TrainingFacts | None = None
    figures: tuple[ModelFigures, ...] = ()
    colours: Mapping[int, str] = {}


class ClassEntry(Record):
    """A class: its pixel value, its name and the colour #rrggbb that pictures give it."""

    value: int
    name: str
    colour: str


class WeightsOrigin(Record):
    """Where the encoder's first weights came from. sha256: of their file, null where it is not
    there any more."""

    encoder: str
    source: str
    licence: str
    sha256: str | None = None


class FileEntry(Record):
    """A file of the export. difference: largest difference of its logits from the model's, on one
    window in fp32, where it is a graph; logits: the largest of the model's there, for scale."""

    sha256: str
    bytes: int
    difference: float | None = None
    logits: float | None = None


class WindowFacts(Record):
    """How a whole image goes through the graph; predict.py of an export does it.

    inputs: names of the graph's inputs: the picture, and the rows and columns of its detail
    windows; a network of one scale has the first only. grid_px: sides of a picture are multiples
    of it; least_px: and at least this. cell_px: pixels along a side of a cell of the logits. fill:
    colour of the padding, RGB in 0..255. fit: whether the whole image is first scaled into a
    square of window_px. window_px, detail_px: sides of the context and of the detail windows.
    steps_px: pixels between neighbouring windows, of the context and of the detail; images with
    more than large_px pixels have large_steps_px.
    """

    inputs: tuple[str, ...]
    grid_px: int
    least_px: int
    cell_px: int
    fill: tuple[float, float, float]
    fit: bool
    window_px: int
    detail_px: int
    steps_px: tuple[int, int]
    large_px: float
    large_steps_px: tuple[int, int]


class ModelCard(Record):
    """All that is known of a model. settings: all of the learner. files: by name; none for a model
    that was not exported. maskloop: the version that wrote this."""

    format: Literal[1] = 1
    facts: ModelFacts
    classes: tuple[ClassEntry, ...]
    settings: Mapping[str, Any]
    weights: WeightsOrigin
    window: WindowFacts
    files: Mapping[str, FileEntry] = {}
    maskloop: str
    exported_at: datetime | None = None

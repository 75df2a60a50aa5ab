"""The verbs of the run folder, answered by a linear head on frozen features.

Results have the form of those of the real learner. Trained on labels alone, from scratch: `parent`
and the unlabeled images of a request do not count. Evaluated by pixel, each with the prediction of
its cell.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from daemon.domain import Evaluation, Missing, Why
from daemon.domain.errors import ConfigError, RunFailed
from daemon.hrda.data.file_reader import FileReader, NoUsableFiles
from daemon.hrda.near_duplicates import near_duplicates
from daemon.hrda.probe.cell_measures import measures_of, probabilities
from daemon.hrda.probe.feature_file import FeatureFile, ImageFeatures
from daemon.hrda.probe.head_evaluation import evaluate_head, fitted_temperature
from daemon.hrda.probe.head_file import read_head, write_head
from daemon.hrda.probe.known_files import KnownFiles, LabeledFeatures
from daemon.hrda.probe.label_cells import pixels_of
from daemon.hrda.probe.linear_head import LinearHead, draw_pairs, fit_head
from daemon.hrda.probe.worker import Verbs
from daemon.runs.checksums import sha256_of
from daemon.runs.durable import atomic_file
from daemon.runs.run_folder import (
    DistinctRequest,
    EmbedRequest,
    FileRole,
    ImageFile,
    PredictRequest,
    PredictResult,
    RunFolder,
    Scores,
    TrainRequest,
    TrainResult,
)

Floats = npt.NDArray[np.float32]


class ProbeRuns:
    """Answers runs whose images have features."""

    def __init__(self, features: FeatureFile) -> None:
        self._files = KnownFiles(features)

    def verbs(self) -> Verbs:
        """Verb -> what does it."""
        return {
            "embed": self.embed,
            "train": self.train,
            "predict": self.predict,
            "near-duplicates": lambda run: near_duplicates(run, run.read_request(DistinctRequest)),
        }

    def embed(self, run: RunFolder) -> None:
        """Write the embeddings that the verb `embed` of the real learner gives."""
        started_s = time.monotonic()
        request = run.read_request(EmbedRequest)
        reader = FileReader(request.images)
        found = list(self._files.images(request.images, reader))
        run.write_scores(_scores(found, {}, self._files.features.layout.embedding))
        tested = [file for file, _ in found if file.role is FileRole.TEST]
        run.write_result(
            PredictResult(
                images=len(found),
                seconds=time.monotonic() - started_s,
                sha256={file.id: sha256_of(file.image) for file in tested},
                faults=reader.faults(),
            )
        )

    def train(self, run: RunFolder) -> None:
        """Fit a head to the labels and its temperature to validation. Raises RunFailed."""
        started_s = time.monotonic()
        request = run.read_request(TrainRequest)
        classes = len(request.classes)
        reader = FileReader([*request.labeled, *request.validation])
        labeled = list(self._files.labeled(request.labeled, classes, reader))
        if not labeled:
            raise NoUsableFiles("labeled", reader.faults())
        head, iterations = _fitted(labeled, classes, np.random.default_rng(request.seed))
        validation = list(self._files.labeled(request.validation, classes, reader))
        head, evaluation = fitted_temperature(head, validation, request.classes)
        write_head(run.checkpoint, head, request.classes)
        run.write_result(
            TrainResult(
                validation=evaluation if request.validation else None,
                iterations=iterations,
                seconds=time.monotonic() - started_s,
                settings=request.settings,
                labeled_holding=_holding(labeled, request.classes),
                labeled_ignored=float(np.mean([_ignored(one) for one in labeled])),
                faults=reader.faults(),
            )
        )

    def predict(self, run: RunFolder) -> None:
        """Score images, write masks, evaluate on the test images. Raises ConfigError, RunFailed."""
        started_s = time.monotonic()
        request = run.read_request(PredictRequest)
        head = _head_of(request)
        reader = FileReader([*request.score, *request.masks, *request.test])
        if request.score:
            self._score(run, head, request, reader)
        confidence = self._masks(run, head, request, reader)
        test = self._test(head, request, reader)
        faults = reader.faults()
        count = len(request.score) + len(request.masks) + len(request.test)
        run.write_result(
            PredictResult(
                images=count - len(faults),
                seconds=time.monotonic() - started_s,
                test=test,
                confidence=confidence,
                faults=faults,
            )
        )

    def _score(
        self, run: RunFolder, head: LinearHead, request: PredictRequest, reader: FileReader
    ) -> None:
        temperature = request.temperature or head.temperature
        found, columns = [], dict[str, list[npt.ArrayLike]]()
        for file, image in self._files.images(request.score, reader):
            cells = np.asarray(image.cells, np.float32)
            for name, value in measures_of(head.logits(cells), cells, temperature).items():
                columns.setdefault(name, []).append(value)
            found.append((file, image))
        arrays = {name: np.asarray(values, np.float32) for name, values in columns.items()}
        run.write_scores(_scores(found, arrays, self._files.features.layout.embedding))

    def _masks(
        self, run: RunFolder, head: LinearHead, request: PredictRequest, reader: FileReader
    ) -> dict[int, dict[str, float]]:
        """Write the masks. Returns image id -> class -> mean confidence of its cells."""
        confidence = {}
        run.mask(0).parent.mkdir(exist_ok=True)
        for file, image in self._files.images(request.masks, reader):
            logits = head.logits(image.cells)
            label, p = logits.argmax(axis=-1), probabilities(logits, 1.0).max(axis=0)
            present = np.unique(label).tolist()
            confidence[file.id] = {request.classes[c]: float(p[label == c].mean()) for c in present}
            with atomic_file(run.mask(file.id)) as part:
                mask = pixels_of(label, image.cell_px, image.size)
                Image.fromarray(mask).save(part, format="PNG")
        return confidence

    def _test(
        self, head: LinearHead, request: PredictRequest, reader: FileReader
    ) -> Evaluation | None:
        """As the real learner: a test image that cannot be used leaves out the figures only."""
        if request.test_missing is not None:
            return Evaluation.absent(request.test_missing)
        if not request.test:
            return None
        try:
            found = list(self._files.labeled(request.test, len(request.classes), reader))
        except RunFailed as exc:
            return Evaluation.absent(Missing(why=Why.TEST_FAILED, detail=str(exc)))
        if faults := reader.faults(FileRole.TEST):
            count, needed, first = len(faults), len(request.test), str(faults[0])
            return Evaluation.absent(
                Missing(why=Why.TEST_FILES, count=count, needed=needed, detail=first)
            )
        return evaluate_head(head, found, request.classes, request.temperature)


def _head_of(request: PredictRequest) -> LinearHead:
    head, classes = read_head(request.checkpoint)
    if classes != request.classes:
        raise ConfigError(
            f"{request.checkpoint}: knows the classes {list(classes)}; the request has "
            f"{list(request.classes)}; train with these classes first"
        )
    return head


def _fitted(
    labeled: Sequence[LabeledFeatures], classes: int, rng: np.random.Generator
) -> tuple[LinearHead, int]:
    """A head fitted to a sample of their cells; only these are brought to float32."""
    pixels = np.concatenate([one.pixels.reshape(-1, classes) for one in labeled])
    if not pixels.any():
        raise RunFailed(
            f"none of the {len(labeled)} labeled images has a labeled pixel; expected a class "
            f"somewhere; correct the masks"
        )
    rows, labels = draw_pairs(pixels, rng)
    ends = np.cumsum([one.pixels.shape[0] * one.pixels.shape[1] for one in labeled])
    of_image = np.searchsorted(ends, rows, side="right")
    cells = np.empty((len(rows), labeled[0].image.cells.shape[-1]), np.float32)
    for number, one in enumerate(labeled):
        mine = of_image == number
        flat = one.image.cells.reshape(-1, cells.shape[1])
        cells[mine] = flat[rows[mine] - (ends[number] - len(flat))]
    return fit_head(cells, labels, classes)


def _holding(labeled: Sequence[LabeledFeatures], classes: Sequence[str]) -> dict[str, int]:
    found = np.sum([one.pixels.any(axis=(0, 1)) for one in labeled], axis=0)
    return {name: int(found[value]) for value, name in enumerate(classes)}


def _ignored(one: LabeledFeatures) -> float:
    return float(1 - one.pixels.sum() / (one.image.size[0] * one.image.size[1]))


def _scores(
    found: Sequence[tuple[ImageFile, ImageFeatures]], measures: dict[str, Floats], width: int
) -> Scores:
    vectors = np.array([image.embedding for _, image in found], np.float32).reshape(-1, width)
    ids = np.array([file.id for file, _ in found], np.int64)
    return Scores(ids=ids, embeddings=vectors, **measures)

"""`audit`: labels are compared with the view of models that did not learn from them.

The probabilities of an image are compared as soon as they are there and then forgotten: no map of
them is kept, neither in memory nor on disk.
"""

from __future__ import annotations

import dataclasses
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from daemon.audit.audited_image import AuditedImage
from daemon.audit.label_audit import LabelAudit, step_of
from daemon.domain import Mask
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.device import peak_memory_bytes
from daemon.hrda.inference.averaged_views import averaged_predictions
from daemon.hrda.inference.streaming import predictions_of
from daemon.hrda.inference.whole_images import ImagePrediction
from daemon.hrda.predict import model_of
from daemon.hrda.progress import ProgressReporter
from daemon.runs.ancestry import require_unseen
from daemon.runs.audit_records import AuditedFile, AuditRequest, AuditResult
from daemon.runs.durable import atomic_file
from daemon.runs.run_folder import (
    PredictRequest,
    RunFolder,
)

PICTURED = 500  # findings whose images keep the model's mask, to be drawn
KEPT_LABELS = 16  # in memory, while labels of similar pictures are compared


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeenFile:
    """A file that was compared. size: (H, W) pixels of its image."""

    file: AuditedFile
    size: tuple[int, int]


def audit(folder: RunFolder, request: AuditRequest) -> None:
    """Do what the request says, and leave the findings in the folder.

    Raises ConfigError or RunFailed; also RunFailed for a label that its model learned from, unless
    the part says so.
    """
    started_s, cpu_before_s = time.monotonic(), _cpu_s()
    for part in request.parts:
        require_unseen(part)
    files = [file for part in request.parts for file in part.files]
    reader = FileReader(files)
    found = LabelAudit(
        classes=request.classes,
        images=len(files),
        tolerance_px=request.tolerance_px,
        plant_share=request.plant_share,
        seed=request.seed,
        hasty_below_s=request.hasty_below_s,
        reviewed=request.reviewed,
    )
    seen = _take_in(folder, request, reader, found)
    conflicts = list(found.conflicts.findings(_label_reader(seen, reader, len(request.classes))))
    repeated = found.conflicts.repeatability
    outcome = found.outcome(conflicts)
    _delete_masks(folder, seen, [finding.image_id for finding in outcome.findings[:PICTURED]])
    folder.write_result(
        AuditResult(
            images=len(seen),
            seconds=time.monotonic() - started_s,
            cpu_seconds_per_image=(_cpu_s() - cpu_before_s) / max(len(seen), 1),
            peak_memory_bytes=peak_memory_bytes(),
            findings=outcome.findings,
            planted=outcome.table.model_dump(mode="json") if outcome.table else None,
            faults=reader.faults(),
            repeatability=repeated.iou,
            repeated_pairs=repeated.pairs,
        )
    )


def _take_in(
    folder: RunFolder, request: AuditRequest, reader: FileReader, found: LabelAudit
) -> dict[int, SeenFile]:
    """Compare every label; image id -> its file, of those that could be read."""
    total = sum(len(part.files) for part in request.parts)
    progress, seen = ProgressReporter(folder, "audit", total), {}
    folder.mask(0).parent.mkdir(exist_ok=True)
    for file, weak, prediction in progress.track(_predictions(request, reader)):
        labeled = reader.labeled_image(file, len(request.classes))
        if labeled is None:
            continue
        image = AuditedImage(id=file.id, name=file.name, weak=weak, use=file.use, work=file.work)
        found.add(image, *labeled, probability_of(prediction))
        with atomic_file(folder.mask(file.id)) as part:
            Pillow.fromarray(prediction.mask()).save(part, format="PNG")
        seen[file.id] = SeenFile(file=file, size=prediction.size)
    return seen


def _predictions(
    request: AuditRequest, reader: FileReader
) -> Iterator[tuple[AuditedFile, bool, ImagePrediction]]:
    """Each readable file with the view of its part's model, one model after the other."""
    for part in request.parts:
        net = model_of(
            PredictRequest(
                checkpoint=part.checkpoint,
                classes=request.classes,
                device=request.device,
                threads=request.threads,
                seed=request.seed,
                settings=request.settings,
            )
        )
        views = partial(
            averaged_predictions, copies=request.copies, temperature=part.temperature or 1.0
        )
        for file, prediction in predictions_of(net, part.files, reader, views):
            yield file, part.in_fold, prediction


def probability_of(prediction: ImagePrediction) -> npt.NDArray[np.float32]:
    """(C, h, w): the class probabilities of every `step_of`-th pixel, made band by band."""
    height, width = prediction.size
    step = step_of(prediction.size)
    classes = len(prediction.logits)
    found = np.empty((classes, -(-height // step), -(-width // step)), np.float32)
    for rows, probability in prediction.bands():
        skipped = -rows.start % step
        part = probability[:, skipped::step, ::step].numpy()
        top = (rows.start + skipped) // step
        found[:, top : top + part.shape[1]] = part
    return found


def _delete_masks(folder: RunFolder, seen: Mapping[int, SeenFile], kept: list[int]) -> None:
    """Delete the model's masks but those of images whose findings are drawn."""
    for image_id in seen.keys() - set(kept):
        folder.mask(image_id).unlink(missing_ok=True)


def _label_reader(
    seen: Mapping[int, SeenFile], reader: FileReader, classes: int
) -> Callable[[int], Mask | None]:
    """Reads labels by image id; a few stay in memory, since neighbours are compared."""

    @lru_cache(maxsize=KEPT_LABELS)
    def label_of(image_id: int) -> Mask | None:
        return reader.mask(seen[image_id].file, classes, seen[image_id].size)

    return label_of


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

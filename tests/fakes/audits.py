"""The audit of the quick learner: the real comparison, by the nearest mean colour."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image

from daemon.audit.label_audit import AuditedImage, LabelAudit
from daemon.hrda.data.file_reader import FileReader
from daemon.runs.ancestry import require_unseen
from daemon.runs.audit_records import AuditRequest, AuditResult
from daemon.runs.run_folder import RunFolder


def audit(run: RunFolder) -> None:
    request = run.read_request(AuditRequest)
    files = [file for part in request.parts for file in part.files]
    reader = FileReader(files)
    found = LabelAudit(
        classes=request.classes,
        images=len(files),
        tolerance_px=request.tolerance_px,
        reviewed=request.reviewed,
    )
    for part in request.parts:
        require_unseen(part)
        colours = np.array(json.loads(part.checkpoint.read_text()))
        for file in part.files:
            labeled = reader.labeled_image(file, len(request.classes))
            if labeled is not None:
                image = AuditedImage(id=file.id, name=file.name, weak=part.in_fold)
                found.add(image, *labeled, _probability(colours, labeled[0]))
                run.mask(0).parent.mkdir(exist_ok=True)
                model = _probability(colours, labeled[0]).argmax(axis=0).astype(np.uint8)
                Image.fromarray(model).save(run.mask(file.id))
    outcome = found.outcome()
    run.write_result(
        AuditResult(
            images=len(files),
            seconds=0.0,
            cpu_seconds_per_image=0.0,
            findings=outcome.findings,
            planted=outcome.table.model_dump(mode="json") if outcome.table else None,
            faults=reader.faults(),
        )
    )


def _probability(colours: np.ndarray, picture: np.ndarray) -> np.ndarray:
    gap = np.linalg.norm(picture[:, :, None].astype(np.float64) - colours, axis=-1)
    odds = np.exp(-(gap - gap.min(axis=-1, keepdims=True)) / 10)
    shares = odds / odds.sum(axis=-1, keepdims=True)
    return np.ascontiguousarray(shares.transpose(2, 0, 1), dtype=np.float32)

"""The JSON files of an audit of labels: its request and its result (daemon/audit)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from daemon.domain.label_findings import Finding, LabelUse, LabelWork, ReviewedPlace
from daemon.runs.records import FileFault, LabeledFile, Record, Request


class AuditedFile(LabeledFile):
    """A labeled image of an audit. sha256: of its file, 64 hex digits. name: as people know it.
    use: of its label in the loop. work: how it was made."""

    sha256: str
    name: str
    use: LabelUse = LabelUse.TRAINING
    work: LabelWork = LabelWork()


class AuditedPart(Record):
    """Labels that one model judges. trained_on: sha256 of every labeled image that the model, or
    one from which its training started, was trained on. in_fold: the model learned from these
    labels; its findings are weak."""

    checkpoint: Path
    temperature: float | None = Field(default=None, gt=0)
    trained_on: tuple[str, ...]
    files: tuple[AuditedFile, ...]
    in_fold: bool = False


class AuditRequest(Request):
    """Compare labels with models that did not learn from them; see daemon/audit.

    tolerance_px: by which borders may differ. plant_share: of the components that get an error in
    copies, by which the audit is calibrated, in [0, 1]. hasty_below_s: seconds that nearly every
    label of the project takes at least; 0: not known. reviewed: what reviewers made of earlier
    findings. copies: of each image, mirrored and turned as in the training, whose probabilities are
    averaged, the image itself first; no more than the training drew.
    """

    kind: Literal["audit"] = "audit"
    parts: tuple[AuditedPart, ...]
    tolerance_px: int = Field(default=2, ge=0)
    plant_share: float = Field(default=0.1, ge=0, le=1)
    hasty_below_s: float = Field(default=0, ge=0)
    reviewed: tuple[ReviewedPlace, ...] = ()
    copies: int = Field(default=1, ge=1, le=8)


class AuditResult(Record):
    """result.json of an audit. images: whose label was compared. findings: the most suspicious
    first. planted: how well planted errors were found, as JSON (daemon/audit/plant_tables.py); None
    where too few could be planted. repeatability: class -> median IoU of two labels of nearly the
    same picture, of so many repeated_pairs."""

    images: int
    seconds: float
    cpu_seconds_per_image: float
    peak_memory_bytes: int | None = None
    findings: tuple[Finding, ...]
    planted: Mapping[str, Any] | None = None
    faults: tuple[FileFault, ...] = ()
    repeatability: Mapping[str, float] = Field(default_factory=dict)
    repeated_pairs: int = 0

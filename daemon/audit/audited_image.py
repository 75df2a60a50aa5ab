"""An image whose label is audited, as the audit knows it."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.domain.label_findings import LabelUse


@dataclass(frozen=True, kw_only=True)
class AuditedImage:
    """An image of the audit. name: as people know it. weak: the model learned from its label."""

    id: int
    name: str
    weak: bool = False
    use: LabelUse = LabelUse.TRAINING

"""An image whose label is audited, as the audit knows it."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.domain.label_findings import LabelUse, LabelWork

UNKNOWN_WORK = LabelWork()


@dataclass(frozen=True, kw_only=True)
class AuditedImage:
    """An image of the audit. name: as people know it. weak: the model learned from its label.
    use: of its label. work: how it was made."""

    id: int
    name: str
    weak: bool = False
    use: LabelUse = LabelUse.TRAINING
    work: LabelWork = UNKNOWN_WORK

"""What an export shall hold, and what it held: export.json."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.datasets.export.format_losses import Lost
from daemon.domain import Fault


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What is wanted. images: also the pictures, hard-linked or copied. people: also the names of
    annotators. predictions: also masks by the model that serves, of `pool`, of `all` images, or of
    those in the source of a list of ids and names; None: none."""

    out: Path
    format: str = "png"
    images: bool = False
    people: bool = False
    predictions: str | None = None


@dataclass(kw_only=True)
class ExportReport:
    """What was exported. renamed: image id -> (its name, the name of its files). splits: list ->
    names. losses: what the format cannot hold of the labels."""

    format: str
    at: datetime
    classes: tuple[str, ...]
    labels: int = 0
    images: int = 0
    asked: int = 0
    predictions: int = 0
    losses: tuple[Lost, ...] = ()
    faults: list[Fault] = field(default_factory=list)
    renamed: dict[int, tuple[str, str]] = field(default_factory=dict)
    splits: dict[str, list[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "exported_at": self.at.isoformat(),
            "format": self.format,
            "classes": list(self.classes),
            "labels": self.labels,
            "images": self.images,
            "asked": self.asked,
            "predictions": self.predictions,
            "splits": {name: len(names) for name, names in self.splits.items()},
            "renamed": [
                {"image_id": image_id, "image": name, "exported_as": file}
                for image_id, (name, file) in self.renamed.items()
            ],
            "losses": [one.as_json() for one in self.losses],
            "faults": [vars_of(one) for one in self.faults],
        }


def vars_of(fault: Fault) -> dict[str, str]:
    """The four parts of a fault."""
    return {
        "where": fault.where,
        "got": fault.got,
        "expected": fault.expected,
        "cure": fault.cure,
    }

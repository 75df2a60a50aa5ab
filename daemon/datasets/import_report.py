"""What an import found: report.json and the table that is printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from daemon.datasets.samples import Count, Repair
from daemon.domain import IGNORE, Fault
from daemon.domain.errors import InputRefused

SHOWN_FAULTS = 20  # that are printed; report.json has all


@dataclass(kw_only=True)
class Repaired:
    """How often one repair was made. images: how many it touched; first: the first of them."""

    number: int = 0
    images: int = 0
    first: str = ""


@dataclass(kw_only=True)
class Report:
    """The facts of an import while it runs. pixels: of each new value, (256,)."""

    source: str
    format: str
    classes: tuple[str, ...]
    source_classes: Mapping[str, str]
    images: int = 0
    labeled: int = 0
    splits: Mapping[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    repairs: dict[tuple[Repair, str], Repaired] = field(default_factory=dict)
    pixels: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))

    def repaired(self, counts: Sequence[Count], culprit: str) -> None:
        """Add the repairs of one image."""
        for one in counts:
            found = self.repairs.setdefault((one.repair, one.detail), Repaired())
            found.number += one.number
            found.images += 1
            found.first = found.first or culprit

    def refused(self, exc: InputRefused, culprit: str) -> None:
        """Add an image that cannot be used."""
        where = str(getattr(exc, "where", culprit))
        self.faults.append(
            Fault(
                where=where if culprit in where else f"{culprit}: {where}",
                got=exc.got or str(exc),
                expected=exc.expected,
                cure=exc.cure,
            )
        )

    def as_json(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "source": self.source,
            "format": self.format,
            "classes": list(self.classes),
            "source_classes": dict(self.source_classes),
            "images": self.images,
            "labeled": self.labeled,
            "unlabeled": self.images - self.labeled,
            "splits": dict(self.splits),
            "pixels": dict(zip(self._names(), self._pixels(), strict=True)),
            "faults": [
                {"where": one.where, "got": one.got, "expected": one.expected, "cure": one.cure}
                for one in self.faults
            ],
            "repairs": [
                {"repair": repair.value, "detail": detail, **vars(found)}
                for (repair, detail), found in self.repairs.items()
            ],
        }

    def _names(self) -> tuple[str, ...]:
        return (*self.classes, "no label (255)")

    def _pixels(self) -> list[int]:
        return [int(self.pixels[value]) for value in (*range(len(self.classes)), IGNORE)]

    def show(self, out: Console) -> None:
        """Print what was imported, repaired and left out."""
        out.print(self._classes_table())
        if self.repairs:
            out.print(self._repairs_table())
        for fault in self.faults[:SHOWN_FAULTS]:
            out.print(f"fault: {fault}", markup=False)
        if len(self.faults) > SHOWN_FAULTS:
            out.print(f"and {len(self.faults) - SHOWN_FAULTS} more in report.json", markup=False)

    def _classes_table(self) -> Table:
        table = Table("value", "class", "pixels", "share", title=self.format)
        total = max(1, int(self.pixels.sum()))
        values = (*range(len(self.classes)), IGNORE)
        for value, name, pixels in zip(values, self._names(), self._pixels(), strict=True):
            table.add_row(str(value), _plain(name), str(pixels), f"{pixels / total:.4f}")
        return table

    def _repairs_table(self) -> Table:
        table = Table("repair", "number", "images", "first", title="repairs")
        for (repair, detail), found in self.repairs.items():
            words = f"{repair.value} ({detail})" if detail else repair.value
            table.add_row(_plain(words), str(found.number), str(found.images), _plain(found.first))
        return table


def _plain(text: str) -> str:
    """A text whose square brackets are no markup."""
    return text.replace("[", r"\[")

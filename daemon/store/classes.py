"""The classes that labels were read with, and the migration of all rows when they change.

Masks hold classes by their index in the list of names; everything else holds them by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daemon.domain import IGNORE, Mask
from daemon.store.base import StoreBase
from daemon.store.labels import decode_png, encode_png

_CLASSES = "classes"


class ClassQueries(StoreBase):
    """Queries on classes."""

    def kept_classes(self) -> tuple[str, ...] | None:
        """The names that the labels were read with, by pixel value; None before the first."""
        known = self.fact(_CLASSES)
        return None if known is None else tuple(json.loads(known))

    def keep_classes(self, names: Sequence[str]) -> None:
        """Keep the names that labels are read with from now on."""
        self.keep_fact(_CLASSES, json.dumps(list(names)))

    def rename_classes(self, names: Mapping[str, str | None]) -> None:
        """Rename classes in all figures of earlier cycles. names: old -> present; None: delete.

        If several old names become one, their figures are deleted, since none holds for it.
        """
        targets = list(names.values())
        kept = {old: new for old, new in names.items() if new and targets.count(new) == 1}
        with self.atomic():
            for row in self._rows("SELECT rowid AS row, iou, details FROM evaluations"):
                details = json.loads(row["details"])
                if "boundary_iou" in details:
                    details["boundary_iou"] = _renamed(details["boundary_iou"], names, kept)
                iou = _renamed(json.loads(row["iou"]), names, kept)
                self._write(
                    "UPDATE evaluations SET iou = ?, details = ? WHERE rowid = ?",
                    json.dumps(iou),
                    json.dumps(details),
                    row["row"],
                )
            for row in self._rows("SELECT rowid AS row, * FROM corrections"):
                self._write("DELETE FROM corrections WHERE rowid = ?", row.pop("row"))
                new = kept.get(row["class"]) if row["class"] in names else row["class"]
                if new:
                    self._insert("corrections", row | {"class": new}, clash="REPLACE")

    def remap_masks(self, values: Mapping[int, int]) -> int:
        """Replace class indices in every mask; returns the number of masks that changed.

        values: old index -> new index; other indices stay. Confusion matrices, whose rows are class
        indices, are deleted.
        """
        table = np.arange(256, dtype=np.uint8)
        for old, new in values.items():
            table[old] = new
        with self.atomic():
            self._write(
                "UPDATE evaluations SET details = json_set(details, '$.confusion', json('[]')) "
                "WHERE json_type(details, '$.confusion') = 'array'"
            )
            ids = [row["id"] for row in self._rows("SELECT id FROM annotations")]
            return sum(self._remap(annotation, table) for annotation in ids)

    def _remap(self, annotation: str, table: Mask) -> bool:
        rows = self._rows("SELECT mask FROM annotations WHERE id = ?", annotation)
        before = decode_png(rows[0]["mask"])
        after = table[before]
        if np.array_equal(before, after):
            return False
        self._write(
            "UPDATE annotations SET mask = ?, blank = ? WHERE id = ?",
            encode_png(after),
            int((after == IGNORE).all()),
            annotation,
        )
        return True


def _renamed(
    figures: Mapping[str, Any], names: Mapping[str, str | None], kept: Mapping[str, str]
) -> dict[str, Any]:
    """Figures by class under their present names, without the deleted ones."""
    return {
        kept.get(name, name): value
        for name, value in figures.items()
        if name in kept or name not in names
    }

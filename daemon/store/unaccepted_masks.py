"""Masks that were suggested for clicks and never accepted, as long as people may want them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict
from datetime import datetime

from daemon.domain.unaccepted_masks import UnacceptedMask
from daemon.store.base import Row, StoreBase, stamp, utf_8
from daemon.store.labels import LABEL_ORDER, WITHOUT_MASKS

_BOX = ("top_px", "left_px", "bottom_px", "right_px")
# Those of the label that counts; and of an answer that could not be used, while nobody's counts.
_WANTED = f"""(
    annotation IN (SELECT id FROM (SELECT id, {LABEL_ORDER} FROM {WITHOUT_MASKS} WHERE deleted = 0)
                   WHERE label_order = 1)
    OR image_id NOT IN (SELECT image_id FROM {WITHOUT_MASKS} WHERE deleted = 0)
)"""


class UnacceptedMaskQueries(StoreBase):
    """Queries on unaccepted masks."""

    def replace_unaccepted_masks(
        self, tasks: Collection[str], masks: Iterable[UnacceptedMask]
    ) -> None:
        """Keep these masks in the place of all that are kept for these tasks."""
        with self.atomic():
            self._write(
                "DELETE FROM unaccepted_masks WHERE task IN (SELECT value FROM json_each(?))",
                json.dumps(sorted(tasks)),
            )
            for mask in masks:
                self._insert("unaccepted_masks", _row(mask), clash="REPLACE")

    def unaccepted_masks_of(self, tasks: Collection[str]) -> list[UnacceptedMask]:
        """All that are kept for these tasks."""
        rows = self._rows(
            "SELECT * FROM unaccepted_masks WHERE task IN (SELECT value FROM json_each(?)) "
            "ORDER BY annotation, session",
            json.dumps(sorted(tasks)),
        )
        return [_mask(row) for row in rows]

    def unaccepted_masks(self, limit: int) -> list[UnacceptedMask]:
        """Those that are in no label, the newest first."""
        rows = self._rows(
            f"SELECT * FROM unaccepted_masks WHERE {_WANTED} ORDER BY at DESC, session LIMIT ?",
            limit,
        )
        return [_mask(row) for row in rows]

    def count_unaccepted_masks(self) -> int:
        """How many masks are in no label."""
        (row,) = self._tuples(f"SELECT count(*) FROM unaccepted_masks WHERE {_WANTED}")
        return int(row[0])


def _row(mask: UnacceptedMask) -> Row:
    row = asdict(mask) | dict(zip(_BOX, mask.box_yxyx, strict=True)) | {"at": stamp(mask.at)}
    del row["box_yxyx"]
    return row | {name: utf_8(row[name]) for name in ("session", "region", "label")}


def _mask(row: Row) -> UnacceptedMask:
    top, left, bottom, right = (row[name] for name in _BOX)
    kept = {name: value for name, value in row.items() if name not in _BOX}
    at = datetime.fromisoformat(row["at"])
    return UnacceptedMask(**kept | {"box_yxyx": (top, left, bottom, right), "at": at})

"""Labels: of each image the one answer that counts, without its mask, which is large."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime

from daemon.domain import AnswerTime, Label
from daemon.store.base import Row, StoreBase
from daemon.store.labels import LABEL_ORDER, WITHOUT_MASKS

_LABEL_ROWS = (
    "SELECT * FROM (SELECT id, image_id, annotator, updated_at, lead_time_s, corrected, "
    f"{LABEL_ORDER} FROM {WITHOUT_MASKS} WHERE deleted = 0 AND {{}}) WHERE label_order = 1"
)


class EffectiveLabelQueries(StoreBase):
    """Queries on the labels that count."""

    def labels(self) -> dict[int, Label]:
        """Image id -> its label, of the labeled images."""
        return self._labels_where("1")

    def labels_of(self, image_ids: Iterable[int]) -> dict[int, Label]:
        """The same, for those of these that have one."""
        listed = "image_id IN (SELECT value FROM json_each(?))"
        return self._labels_where(listed, json.dumps(sorted(image_ids)))

    def labels_by_day(self) -> dict[date, int]:
        """Day -> how many images were labeled first on it, by the clock of the labeling tool."""
        rows = self._tuples(
            "SELECT day, count(*) FROM (SELECT substr(min(created_at), 1, 10) AS day "
            f"FROM {WITHOUT_MASKS} WHERE deleted = 0 GROUP BY image_id) GROUP BY day ORDER BY day"
        )
        return {date.fromisoformat(day): images for day, images in rows}

    def answer_times(self) -> list[AnswerTime]:
        """Every answer that was not deleted, also those that count for nothing: when it was first
        given, by the clock of the labeling tool, and how long it took."""
        sql = f"SELECT created_at, lead_time_s FROM {WITHOUT_MASKS} WHERE deleted = 0"
        return [
            AnswerTime(at=datetime.fromisoformat(at), seconds=seconds)
            for at, seconds in self._tuples(sql)
        ]

    def _labels_where(self, condition: str, *values: object) -> dict[int, Label]:
        rows = self._rows(_LABEL_ROWS.format(condition), *values)
        return {row["image_id"]: _label(row) for row in rows}


def _label(row: Row) -> Label:
    return Label(
        id=row["id"],
        image_id=row["image_id"],
        annotator=row["annotator"],
        updated_at=datetime.fromisoformat(row["updated_at"]),
        lead_time_s=row["lead_time_s"],
        corrected=None if row["corrected"] is None else bool(row["corrected"]),
    )

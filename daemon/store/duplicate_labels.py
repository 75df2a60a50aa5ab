"""Images that several people labeled, and how many people work."""

from __future__ import annotations

from datetime import datetime

from daemon.domain import DuplicateLabels
from daemon.store.base import StoreBase, stamp


class DuplicateLabelQueries(StoreBase):
    """Queries on annotators and duplicate labels."""

    def people_since(self, at: datetime) -> int:
        """The number of people who answered or skipped at this time or later."""
        sql = (
            "SELECT count(*) AS n FROM (SELECT annotator FROM annotations WHERE updated_at >= ? "
            "UNION SELECT annotator FROM skips WHERE at >= ?)"
        )
        return int(self._rows(sql, stamp(at), stamp(at))[0]["n"])

    def annotators(self) -> list[str]:
        """Everybody who ever answered or skipped, by the time of their first answer or skip."""
        sql = (
            "SELECT annotator FROM (SELECT annotator, min(created_at) AS first FROM annotations "
            "GROUP BY annotator UNION ALL SELECT annotator, min(at) FROM skips GROUP BY annotator) "
            "GROUP BY annotator ORDER BY min(first), annotator"
        )
        return [name for (name,) in self._tuples(sql)]

    def newest_answers(self) -> tuple[int, int]:
        """Numbers that grow whenever an answer or a skip is added."""
        rows = [
            self._tuples(f"SELECT coalesce(max(rowid), 0) FROM {table}")
            for table in ("annotations", "skips")
        ]
        return int(rows[0][0][0]), int(rows[1][0][0])

    def duplicate_labels(self) -> list[DuplicateLabels]:
        """Images with labels of several people, by id; which label counts: see `labels`. Images
        that a second person was asked to review, or to label too, are left out."""
        rows = self._rows(
            "SELECT a.image_id, i.name AS image_name, count(DISTINCT a.annotator) AS people, "
            "count(*) AS answers FROM annotations a JOIN images i ON i.id = a.image_id "
            "WHERE a.deleted = 0 AND a.image_id NOT IN (SELECT image_id FROM reviews) "
            "AND a.image_id NOT IN (SELECT image_id FROM second_labels WHERE state = 'given') "
            "GROUP BY a.image_id HAVING people > 1 ORDER BY a.image_id"
        )
        return [DuplicateLabels(**row) for row in rows]

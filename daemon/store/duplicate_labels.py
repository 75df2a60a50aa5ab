"""Who worked on what: several people, or several times, on one image."""

from __future__ import annotations

from datetime import datetime

from daemon.store.base import Row, StoreBase, stamp


class TeamVerbs(StoreBase):
    """Verbs on the people behind the labels."""

    def people_since(self, moment: datetime) -> int:
        """How many different people answered or skipped at this moment or later."""
        sql = (
            "SELECT count(*) AS n FROM (SELECT annotator FROM annotations WHERE updated_at >= ? "
            "UNION SELECT annotator FROM skips WHERE at >= ?)"
        )
        return int(self._rows(sql, stamp(moment), stamp(moment))[0]["n"])

    def doubles(self) -> list[Row]:
        """Images with labels of several people, by id: image_id, image (its name), people,
        answers (how many labels in all). One of them counts, see `label_authors`."""
        return self._rows(
            "SELECT a.image_id, i.name AS image, count(DISTINCT a.annotator) AS people, "
            "count(*) AS answers FROM annotations a JOIN images i ON i.id = a.image_id "
            "WHERE a.deleted = 0 GROUP BY a.image_id HAVING people > 1 ORDER BY a.image_id"
        )

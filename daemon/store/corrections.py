"""How much of the predictions was corrected, label by label."""

from __future__ import annotations

import json

from daemon.domain import ClassPixels, CorrectedLabel, PredictionVersion, UnmeasuredAnswer
from daemon.store.base import Row, StoreBase
from daemon.store.labels import LABEL_ORDER

_CLASSES = (
    "SELECT json_group_object(class, json_array(shown_px, submitted_px, kept_px)) "
    "FROM corrections c WHERE c.annotation = a.id AND c.shown_px IS NOT NULL"
)
# Without the masks, which are large.
_LABELS = (
    "SELECT * FROM (SELECT id, image_id, annotator, shown, changed_share, unmeasured, lead_time_s, "
    f"{LABEL_ORDER} FROM annotations WHERE deleted = 0) WHERE label_order = 1"
)


class CorrectionQueries(StoreBase):
    """Queries on how much of the predictions people corrected."""

    def corrected_labels(self) -> list[CorrectedLabel]:
        """The labels whose annotator began with a prediction of ours, by image."""
        return self._corrected("")

    def corrected_labels_of(self, cycle: int) -> list[CorrectedLabel]:
        """The same, of the images that a cycle asked for."""
        return self._corrected(
            "AND a.image_id IN (SELECT image_id FROM tasks WHERE cycle = ?)", cycle
        )

    def unmeasured_labels(self) -> dict[str, int]:
        """Reason -> how many labels have no measured correction for it; "" where no prediction is
        known to have been shown."""
        rows = self._rows(
            "SELECT coalesce(unmeasured, '') AS reason, count(*) AS n "
            f"FROM ({_LABELS}) WHERE changed_share IS NULL GROUP BY reason ORDER BY reason"
        )
        return {row["reason"]: row["n"] for row in rows}

    def unmeasured_answers(self, limit: int) -> list[UnmeasuredAnswer]:
        """Answers to a prediction that have neither a correction nor a reason for having none, by
        id, at most `limit`."""
        rows = self._rows(
            "SELECT id, image_id, shown AS version, mask FROM annotations WHERE shown IS NOT NULL "
            "AND changed_share IS NULL AND unmeasured IS NULL AND deleted = 0 ORDER BY id LIMIT ?",
            limit,
        )
        return [UnmeasuredAnswer(**row) for row in rows]

    def _corrected(self, condition: str, *values: object) -> list[CorrectedLabel]:
        rows = self._rows(
            "SELECT a.image_id, a.annotator, a.shown, a.changed_share, a.lead_time_s, "
            f"({_CLASSES}) AS classes FROM ({_LABELS}) a "
            f"WHERE a.changed_share IS NOT NULL {condition} ORDER BY a.image_id",
            *values,
        )
        return [_corrected_label(row) for row in rows]


def _corrected_label(row: Row) -> CorrectedLabel:
    classes = {
        name: ClassPixels(shown_px=shown, submitted_px=submitted, kept_px=kept)
        for name, (shown, submitted, kept) in json.loads(row["classes"]).items()
    }
    return CorrectedLabel(
        image_id=row["image_id"],
        annotator=row["annotator"],
        version=PredictionVersion.parse(row["shown"]),
        changed_share=row["changed_share"],
        lead_time_s=row["lead_time_s"],
        classes=classes,
    )

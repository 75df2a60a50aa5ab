"""How much of the predictions was corrected, label by label."""

from __future__ import annotations

import json
from functools import lru_cache

from daemon.domain import ClassPixels, CorrectedLabel, PredictionVersion, UnmeasuredAnswer
from daemon.store.base import StoreBase
from daemon.store.labels import LABEL_ORDER, POLICY, WITHOUT_MASKS

# Without the masks, which are large.
_LABELS = (
    "SELECT * FROM (SELECT id, image_id, annotator, prediction_version, changed_share, unmeasured, "
    f"lead_time_s, {LABEL_ORDER} FROM {WITHOUT_MASKS} WHERE deleted = 0) WHERE label_order = 1"
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

    def corrections_fingerprint(self) -> str:
        """Differs when what `corrected_labels` or `unmeasured_labels` give does; much cheaper."""
        labels = self._tuples(
            "SELECT count(*), count(changed_share), total(changed_share), total(lead_time_s), "
            f"count(unmeasured), max(updated_at), total(ground_truth) FROM {WITHOUT_MASKS} "
            "WHERE deleted = 0"
        )
        classes = self._tuples(
            "SELECT class, count(*), total(shown_px), total(submitted_px), total(kept_px) "
            "FROM corrections GROUP BY class ORDER BY class"
        )
        return repr((str(self.folder), self.fact(POLICY), labels, classes))

    def unmeasured_answers(self, limit: int) -> list[UnmeasuredAnswer]:
        """Answers to a prediction that have neither a correction nor a reason for having none, by
        id, at most `limit`."""
        rows = self._rows(
            "SELECT id, image_id, prediction_version AS version, mask FROM annotations "
            "WHERE prediction_version IS NOT NULL "
            "AND changed_share IS NULL AND unmeasured IS NULL AND deleted = 0 ORDER BY id LIMIT ?",
            limit,
        )
        return [UnmeasuredAnswer(**row) for row in rows]

    def _corrected(self, condition: str, *values: object) -> list[CorrectedLabel]:
        labels = self._tuples(
            "SELECT id, image_id, annotator, prediction_version, changed_share, lead_time_s "
            f"FROM ({_LABELS}) a WHERE changed_share IS NOT NULL {condition} ORDER BY image_id",
            *values,
        )
        classes: dict[str, dict[str, ClassPixels]] = {row[0]: {} for row in labels}
        for annotation, name, shown, submitted, kept in self._tuples(
            "SELECT annotation, class, shown_px, submitted_px, kept_px FROM corrections "
            "WHERE shown_px IS NOT NULL AND annotation IN (SELECT value FROM json_each(?)) "
            "ORDER BY annotation, class",
            json.dumps(list(classes)),
        ):
            classes[annotation][name] = ClassPixels(
                shown_px=shown, submitted_px=submitted, kept_px=kept
            )
        return [
            CorrectedLabel(
                image_id=image_id,
                annotator=annotator,
                version=_version(version),
                changed_share=changed_share,
                lead_time_s=lead_time_s,
                classes=classes[annotation],
            )
            for annotation, image_id, annotator, version, changed_share, lead_time_s in labels
        ]


@lru_cache(maxsize=1024)
def _version(name: str) -> PredictionVersion:
    return PredictionVersion.parse(name)

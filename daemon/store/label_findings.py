"""Findings of label audits: places of labels that people should look at again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime

from daemon.domain.label_findings import AuditedLabels, Finding, FindingType
from daemon.store.base import Row, StoreBase, stamp, utf_8
from daemon.store.labels import LABEL_ORDER, WITHOUT_MASKS

_BOX = ("top_px", "left_px", "bottom_px", "right_px")
_COUNTING = f"""(
    SELECT id FROM (SELECT id, {LABEL_ORDER} FROM {WITHOUT_MASKS} WHERE deleted = 0)
    WHERE label_order = 1
)"""


class FindingQueries(StoreBase):
    """Queries on findings."""

    def keep_findings(
        self,
        cycle: int,
        judged: Mapping[int, str],
        weak: Iterable[int],
        findings: Iterable[Finding],
        at: datetime,
    ) -> None:
        """Keep what an audit found; it replaces earlier findings of the same annotations.

        judged: image id -> its annotation that was compared. weak: ids of the images whose model
        had learned from the label. Twice changes nothing.
        """
        learned = set(weak)
        with self.atomic():
            for image_id, annotation in judged.items():
                self._write("DELETE FROM findings WHERE annotation = ?", annotation)
                row = {"annotation": annotation, "image_id": image_id, "cycle": cycle}
                row |= {"weak": int(image_id in learned), "at": stamp(at)}
                self._insert("audited", row, clash="REPLACE")
            for finding in findings:
                if finding.image_id in judged:
                    self._insert("findings", _row(cycle, judged[finding.image_id], finding))

    def findings(self, limit: int) -> list[tuple[int, Finding]]:
        """(number, finding) of the labels that count now, the most suspicious first."""
        rows = self._rows(
            f"SELECT * FROM findings WHERE annotation IN {_COUNTING} "
            "ORDER BY weak, score DESC, id LIMIT ?",
            limit,
        )
        return [(row["id"], _finding(row)) for row in rows]

    def suspicions(self) -> dict[int, float]:
        """Image id -> the highest score of a finding in its label, of the images whose label
        counts and was compared with a model; 0 where nothing was found in it."""
        rows = self._tuples(
            "SELECT a.image_id, coalesce(max(f.score), 0.0) FROM audited a "
            "LEFT JOIN findings f ON f.annotation = a.annotation "
            f"WHERE a.annotation IN {_COUNTING} GROUP BY a.image_id"
        )
        return dict(rows)

    def newest_audit(self) -> str:
        """When the newest audit ended, as it is kept; "" before the first. Cheap: a page asks for
        it all the time."""
        rows = self._tuples("SELECT coalesce(max(at), '') FROM audited")
        return str(rows[0][0])

    def audited_labels(self) -> AuditedLabels:
        """How many labels that count were compared, how many of them only weakly, and how many
        findings they have."""
        (row,) = self._rows(
            f"SELECT count(*) AS n, coalesce(sum(weak), 0) AS weak, max(at) AS at FROM audited "
            f"WHERE annotation IN {_COUNTING}"
        )
        (found,) = self._rows(f"SELECT count(*) AS n FROM findings WHERE annotation IN {_COUNTING}")
        return AuditedLabels(
            compared=row["n"],
            weak=row["weak"],
            findings=found["n"],
            at=None if row["at"] is None else datetime.fromisoformat(row["at"]),
        )

    def pixels_drawn_twice(self) -> dict[str, int]:
        """Annotation -> pixels of it that regions of two classes cover, of those that have any."""
        rows = self._rows(
            "SELECT id, overlap_px FROM annotations WHERE deleted = 0 AND overlap_px > 0"
        )
        return {row["id"]: row["overlap_px"] for row in rows}

    def independently_audited(self, annotations: Iterable[str]) -> set[str]:
        """Those of these annotations that a model judged which had not learned from them."""
        rows = self._rows(
            "SELECT annotation FROM audited WHERE weak = 0 AND annotation IN "
            "(SELECT value FROM json_each(?))",
            json.dumps(sorted(annotations)),
        )
        return {row["annotation"] for row in rows}


def _row(cycle: int, annotation: str, finding: Finding) -> Row:
    row = asdict(finding) | dict(zip(_BOX, finding.box_yxyx, strict=True))
    del row["box_yxyx"]
    row |= {"type": finding.type.value, "weak": int(finding.weak)}
    row["reason"] = utf_8(finding.reason)
    return row | {"cycle": cycle, "annotation": annotation}


def _finding(row: Row) -> Finding:
    return Finding(
        image_id=row["image_id"],
        type=FindingType(row["type"]),
        labeled=row["labeled"],
        proposed=row["proposed"],
        box_yxyx=(row["top_px"], row["left_px"], row["bottom_px"], row["right_px"]),
        area_px=row["area_px"],
        score=row["score"],
        expected_precision=row["expected_precision"],
        reason=row["reason"],
        weak=bool(row["weak"]),
        mask_png=row["mask_png"],
        planted_precision=row["planted_precision"],
    )

"""Labels of the same image by two people, and how alike they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple

from daemon.domain import Role
from daemon.domain.agreements import ClassAgreement, LabelAgreement, LabelPair
from daemon.domain.corrections import Unmeasured
from daemon.store.base import Row, StoreBase

# Of each person the newest annotation of an image, without those that answer a review: who reviews
# sees the label of another person. Drawn on the picture as it is now.
_INDEPENDENT = """
    SELECT * FROM (
        SELECT a.id, a.image_id, a.annotator, a.created_at, a.updated_at,
            a.prediction_version IS NOT NULL AND coalesce(a.unmeasured, '') != ? AS from_mask,
            row_number() OVER (
                PARTITION BY a.image_id, a.annotator ORDER BY a.updated_at DESC, a.id DESC
            ) AS newest
        FROM images i JOIN annotations a ON a.image_id = i.id
        WHERE i.role = ? AND a.deleted = 0 AND a.blank = 0
            AND (a.drawn_on IS NULL OR a.drawn_on = i.sha256)
            AND a.id NOT IN (SELECT answer FROM reviews WHERE answer IS NOT NULL)
    ) WHERE newest = 1 ORDER BY image_id, created_at, id
"""
_GROUND_TRUTH = """
    SELECT a.id, a.image_id, a.annotator, a.updated_at, 0 AS from_mask
    FROM images i JOIN annotations a ON a.image_id = i.id
    WHERE i.role = ? AND a.deleted = 0 AND a.blank = 0 AND a.ground_truth = 1
        AND (a.drawn_on IS NULL OR a.drawn_on = i.sha256)
    ORDER BY a.updated_at, a.id
"""


class AgreementQueries(StoreBase):
    """Queries on agreement between people."""

    def label_pairs(self) -> list[LabelPair]:
        """The validation images that two people labeled, unaware of each other's label, by image
        id: of several people the first two."""
        of_image: dict[int, list[Row]] = {}
        for row in self._rows(_INDEPENDENT, Unmeasured.EMPTY_PAGE.value, Role.VALIDATION.value):
            of_image.setdefault(row["image_id"], []).append(row)
        return [_pair(*rows[:2]) for rows in of_image.values() if len(rows) > 1]

    def keep_agreement(self, agreement: LabelAgreement, class_names: Sequence[str]) -> None:
        """Keep how alike the labels of a pair are; it replaces an earlier measurement."""
        pair = agreement.pair
        row = {
            "image_id": pair.image_id,
            "first": pair.first,
            "second": pair.second,
            "drawn": pair.drawn,
            "from_mask": int(pair.from_mask),
            "tolerance_px": agreement.tolerance_px,
            "class_names": json.dumps(list(class_names)),
            "pixels": json.dumps([astuple(one) for one in agreement.classes]),
        }
        self._insert("label_agreements", row, clash="REPLACE")

    def agreements(self, class_names: Sequence[str]) -> list[LabelAgreement]:
        """What was measured of the pairs as they are now, with these classes, by image id."""
        known = self.measured_agreements(class_names)
        return [known[pair] for pair in self.label_pairs() if pair in known]

    def gold_pairs(self) -> list[tuple[str, LabelPair]]:
        """(annotator, pair) for each validation image with a ground truth and each other person
        who labeled it unaware of another label: `first` is the ground truth. By image id."""
        marked = self._rows(_GROUND_TRUTH, Role.VALIDATION.value)
        gold = {row["image_id"]: row for row in marked}  # the newest of an image comes last
        rows = self._rows(_INDEPENDENT, Unmeasured.EMPTY_PAGE.value, Role.VALIDATION.value)
        return [
            (row["annotator"], _pair(gold[row["image_id"]], row))
            for row in rows
            if row["image_id"] in gold and row["annotator"] != gold[row["image_id"]]["annotator"]
        ]

    def gold_agreements(self, class_names: Sequence[str]) -> list[tuple[str, LabelAgreement]]:
        """(annotator, what was measured) of those pairs, with these classes, by image id."""
        known = self.measured_agreements(class_names)
        return [(name, known[pair]) for name, pair in self.gold_pairs() if pair in known]

    def measured_agreements(self, class_names: Sequence[str]) -> dict[LabelPair, LabelAgreement]:
        """What was measured with these classes, also of pairs that are edited since."""
        sql = "SELECT * FROM label_agreements WHERE class_names = ?"
        found = map(_agreement, self._rows(sql, json.dumps(list(class_names))))
        return {one.pair: one for one in found}


def _pair(first: Row, second: Row) -> LabelPair:
    return LabelPair(
        image_id=first["image_id"],
        first=first["id"],
        second=second["id"],
        drawn=f"{first['updated_at']} {second['updated_at']}",
        from_mask=bool(first["from_mask"] or second["from_mask"]),
    )


def _agreement(row: Row) -> LabelAgreement:
    pair = LabelPair(
        image_id=row["image_id"],
        first=row["first"],
        second=row["second"],
        drawn=row["drawn"],
        from_mask=bool(row["from_mask"]),
    )
    pixels = (
        ClassAgreement(common=common, either=either, beyond=beyond)
        for common, either, beyond in json.loads(row["pixels"])
    )
    return LabelAgreement(pair=pair, tolerance_px=row["tolerance_px"], classes=tuple(pixels))

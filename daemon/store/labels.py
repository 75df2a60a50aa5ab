"""Labels: the annotations, skips and deletions of annotators."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
from PIL import Image as Pillow

from daemon.domain import (
    IGNORE,
    Annotation,
    AnnotationNotes,
    Correction,
    Mask,
    Skip,
    Unmeasured,
)
from daemon.store.base import Row, StoreBase, stamp

POLICY = "label_in_effect"
# Of the annotations of an image the first in this order is its label: ground truth first, then what
# `set_label_policy` says. The others are kept, and count for nothing; but with "majority" the mask
# of the label comes from all of them (majority_labels.py), and the latest one stands for it.
LABEL_ORDER = (
    "row_number() OVER (PARTITION BY image_id ORDER BY ground_truth DESC, "
    f"CASE WHEN (SELECT value FROM facts WHERE name = '{POLICY}') IN ('first', 'ground_truth') "
    "THEN created_at END, updated_at DESC, id DESC) AS label_order"
)
# For queries that need no mask: the index holds the other columns that labels are told by.
WITHOUT_MASKS = "annotations INDEXED BY annotations_that_count"


class LabelQueries(StoreBase):
    """Queries on annotations and skips."""

    def keep_annotation(
        self,
        image_id: int,
        annotation: Annotation,
        correction: Correction | Unmeasured | None = None,
    ) -> None:
        """Insert or update by the tool's id: the last one read counts. Its time does not decide:
        the tool's clock may have been set back between two edits.

        correction: how much of the prediction the annotator changed, or why that is not known.
        """
        row = {
            "id": annotation.id,
            "image_id": image_id,
            "task": annotation.task,
            "annotator": annotation.annotator,
            "mask": encode_png(annotation.mask),
            "created_at": stamp(annotation.created_at),
            "updated_at": stamp(annotation.updated_at),
            "lead_time_s": annotation.lead_time_s,
            "ground_truth": int(annotation.ground_truth),
            "corrected": None if annotation.corrected is None else int(annotation.corrected),
            "deleted": 0,
            "notes": json.dumps(annotation.notes),
            "overlap_px": annotation.overlap_px,
            "prediction_version": annotation.prediction_version,
            **_correction_columns(correction),
            "blank": int((annotation.mask == IGNORE).all()),
        }
        with self.atomic():
            self._free_id(annotation.id, annotation.task)
            row |= self._known_provenance(annotation)
            row["drawn_on"] = self._drawn_on(image_id, annotation)
            self._insert("annotations", row, clash="REPLACE")
            self._write("DELETE FROM skips WHERE id = ?", annotation.id)
            if row["prediction_version"] is None or annotation.prediction_version is not None:
                self._keep_corrected_classes(annotation.id, correction)

    def _free_id(self, number: str, task: str) -> None:
        """Rename rows with this number that belong to another task.

        So no answer is lost if the tool gives one number to two answers.
        """
        for table in ("annotations", "skips"):
            for row in self._rows(f"SELECT task, image_id FROM {table} WHERE id = ?", number):
                if row["task"].partition("#")[0] == task:
                    continue
                marked = f"{number}#{row['image_id']}"
                self._write(f"UPDATE OR REPLACE {table} SET id = ? WHERE id = ?", marked, number)
                if table == "annotations":
                    sql = "UPDATE OR REPLACE corrections SET annotation = ? WHERE annotation = ?"
                    self._write(sql, marked, number)

    def _known_provenance(self, annotation: Annotation) -> Row:
        """The saved columns about the prediction that an answer began with, if the prediction is
        deleted by now and the answer has not changed."""
        if annotation.prediction_version is not None:
            return {}
        rows = self._rows(
            "SELECT prediction_version, corrected, changed_share, unmeasured FROM annotations "
            "WHERE id = ? AND updated_at = ? AND prediction_version IS NOT NULL",
            annotation.id,
            stamp(annotation.updated_at),
        )
        return rows[0] if rows else {}

    def keep_correction(self, annotation: str, correction: Correction | Unmeasured) -> None:
        """Keep how much of its prediction an answer changed, or why that is not known."""
        columns = _correction_columns(correction)
        with self.atomic():
            self._write(
                "UPDATE annotations SET changed_share = ?, unmeasured = ? WHERE id = ?",
                *columns.values(),
                annotation,
            )
            self._keep_corrected_classes(annotation, correction)

    def _drawn_on(self, image_id: int, annotation: Annotation) -> str | None:
        """sha256 of the bytes that an answer was drawn on: the present ones, unless the answer is
        older than they are."""
        rows = self._rows(
            "SELECT drawn_on FROM annotations WHERE id = ? AND image_id = ? AND updated_at = ? "
            "AND drawn_on IS NOT NULL",
            annotation.id,
            image_id,
            stamp(annotation.updated_at),
        ) or self._rows("SELECT sha256 AS drawn_on FROM images WHERE id = ?", image_id)
        return str(rows[0]["drawn_on"]) if rows else None

    def unconfirmed_ids(self) -> set[int]:
        """Ids of the labeled images whose bytes were replaced since, so that the label may not fit.
        It counts again when it is submitted again, or the old bytes return."""
        rows = self._rows(
            "SELECT DISTINCT a.image_id, i.sha256 FROM annotations a JOIN images i "
            "ON i.id = a.image_id WHERE a.deleted = 0 AND a.drawn_on != i.sha256"
        )
        now = {row["image_id"]: row["sha256"] for row in rows}
        drawn = self._label_column(now, "drawn_on")
        return {image_id for image_id, sha256 in drawn.items() if sha256 != now[image_id]}

    def kept_annotations(self, ids: Iterable[str]) -> set[str]:
        """The annotations among these that are in the store and not deleted."""
        rows = self._rows(
            "SELECT id FROM annotations WHERE deleted = 0 AND id IN "
            "(SELECT value FROM json_each(?))",
            json.dumps(list(ids)),
        )
        return {row["id"] for row in rows}

    def label_ids(self, image_ids: Iterable[int]) -> dict[int, str]:
        """Image id -> the annotation that is its label, for those of these that have one."""
        return self._label_column(image_ids, "id")

    def _keep_corrected_classes(
        self, annotation: str, correction: Correction | Unmeasured | None
    ) -> None:
        self._write("DELETE FROM corrections WHERE annotation = ?", annotation)
        for name, pixels in (
            correction.classes.items() if isinstance(correction, Correction) else ()
        ):
            row = {"annotation": annotation, "class": name, "iou": pixels.iou} | vars(pixels)
            self._insert("corrections", row)

    def delete_annotations(self, ids: Iterable[str]) -> None:
        """Mark annotations that people deleted; the rows stay."""
        with self.atomic():
            for annotation_id in ids:
                self._write("UPDATE annotations SET deleted = 1 WHERE id = ?", annotation_id)

    def delete_absent_annotations(self, present: Mapping[str, Iterable[str]]) -> None:
        """Delete annotations and skips that their task has no more.

        present: task -> ids of its annotations and skips.
        """
        for task, ids in present.items():
            rows = self._rows("SELECT id FROM annotations WHERE task = ? AND deleted = 0", task)
            self.delete_annotations({row["id"] for row in rows} - set(ids))
            for row in self._rows("SELECT id FROM skips WHERE task = ?", task):
                if row["id"] not in ids:
                    self._write("DELETE FROM skips WHERE id = ?", row["id"])

    def annotation_notes(self, limit: int = 50) -> list[AnnotationNotes]:
        """The newest annotations that were changed while they were read, with notes on how."""
        rows = self._rows(
            "SELECT 'annotation ' || a.id || ' of task ' || a.task AS place, i.name AS image_name, "
            "a.updated_at AS at, a.notes FROM annotations a JOIN images i ON i.id = a.image_id "
            "WHERE a.deleted = 0 AND a.notes != '[]' ORDER BY a.updated_at DESC, a.id LIMIT ?",
            limit,
        )
        return [
            AnnotationNotes(
                where=row["place"],
                image_name=row["image_name"],
                at=datetime.fromisoformat(row["at"]),
                notes=tuple(json.loads(row["notes"])),
            )
            for row in rows
        ]

    def keep_skip(self, image_id: int, skip: Skip) -> None:
        """Keep that a person skipped an image; an earlier label of the same id is deleted."""
        row = {
            "id": skip.id,
            "image_id": image_id,
            "task": skip.task,
            "annotator": skip.annotator,
            "at": stamp(skip.at),
        }
        with self.atomic():
            self._free_id(skip.id, skip.task)
            self._insert("skips", row, clash="REPLACE")
            self.delete_annotations([skip.id])

    def skip_counts(self) -> dict[int, int]:
        """Image id -> how many different people skipped it."""
        rows = self._rows("SELECT image_id, count(DISTINCT annotator) AS n FROM skips GROUP BY 1")
        return {row["image_id"]: row["n"] for row in rows}

    def set_label_policy(self, which: str) -> None:
        """Set which of several labels of an image counts if none is ground truth.

        which: "latest", edited last (the default); "first", created first; "ground_truth", as
        "first" until one is ground truth; "majority", at each pixel the class that most say.
        """
        if self.fact(POLICY) != which:
            self.keep_fact(POLICY, which)

    def informative_ids(self) -> set[int]:
        """Ids of the labeled images whose label gives at least one pixel a class, in the image as
        it is now."""
        rows = self._rows("SELECT image_id FROM annotations WHERE blank = 1 AND deleted = 0")
        blank = self._label_column({row["image_id"] for row in rows}, "blank")
        blank_ids = {image_id for image_id, is_blank in blank.items() if is_blank}
        return self.labeled_ids() - blank_ids - self.unconfirmed_ids()

    def label_tasks(self, image_ids: Iterable[int]) -> dict[int, str]:
        """Image id -> the task that its label was drawn in, for those of these that have one."""
        return self._label_column(image_ids, "task")

    def labeled_ids(self) -> set[int]:
        """Ids of the images that people have labeled; each costs a label of the budget, also where
        the mask gives no pixel a class."""
        rows = self._rows("SELECT DISTINCT image_id FROM annotations WHERE deleted = 0")
        return {row["image_id"] for row in rows}

    def _label_column(self, image_ids: Iterable[int], column: str) -> dict[int, Any]:
        """Image id -> a column of its label; the large masks are not read."""
        rows = self._rows(
            f"SELECT image_id, {column} AS value FROM (SELECT image_id, {column}, {LABEL_ORDER} "
            "FROM annotations WHERE deleted = 0 AND image_id IN "
            "(SELECT value FROM json_each(?))) WHERE label_order = 1",
            json.dumps(sorted(image_ids)),
        )
        return {row["image_id"]: row["value"] for row in rows}


def _correction_columns(correction: Correction | Unmeasured | None) -> Row:
    return {
        "changed_share": correction.changed_share if isinstance(correction, Correction) else None,
        "unmeasured": correction.value if isinstance(correction, Unmeasured) else None,
    }


def decode_png(png: bytes) -> Mask:
    """The mask (H, W) of a PNG that `encode_png` made."""
    with Pillow.open(io.BytesIO(png)) as image:
        return np.asarray(image, dtype=np.uint8)


def encode_png(mask: Mask) -> bytes:
    """A mask (H, W) as an 8-bit grayscale PNG; lossless."""
    out = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(mask), mode="L").save(out, format="PNG")
    return out.getvalue()

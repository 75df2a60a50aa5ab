"""Labels: what people drew, skipped and deleted."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from PIL import Image as Pillow

from daemon.domain import IGNORE, Annotation, Effort, Mask, Skip, Unmeasured
from daemon.store.base import Row, StoreBase, stamp

_IN_EFFECT = "label_in_effect"
# Ground truth first, then what `let_count` says; the others are kept, and count for nothing.
PLACE = (
    "row_number() OVER (PARTITION BY image_id ORDER BY ground_truth DESC, "
    f"CASE (SELECT value FROM facts WHERE name = '{_IN_EFFECT}') WHEN 'first' THEN created_at END, "
    "updated_at DESC, id DESC) AS place"
)
_LABELS = f"""
    SELECT * FROM (
        SELECT *, {PLACE}
        FROM annotations WHERE deleted = 0
    ) WHERE place = 1
"""


class LabelVerbs(StoreBase):
    """Verbs on annotations and skips."""

    def keep_annotation(
        self, image_id: int, annotation: Annotation, effort: Effort | Unmeasured | None = None
    ) -> None:
        """Insert or update by the tool's id: what was read last holds. Its time does not decide:
        the tool's clock may have been set back between two edits.

        effort: against the prediction that the annotator began with, or why it is not known.
        """
        row = {
            "id": annotation.id,
            "image_id": image_id,
            "task": annotation.task,
            "annotator": annotation.annotator,
            "mask": png_of(annotation.mask),
            "created_at": stamp(annotation.created_at),
            "updated_at": stamp(annotation.updated_at),
            "lead_time_s": annotation.lead_time_s,
            "ground_truth": int(annotation.ground_truth),
            "corrected": None if annotation.corrected is None else int(annotation.corrected),
            "deleted": 0,
            "notes": json.dumps(annotation.notes),
            "shown": annotation.shown,
            **_effort_columns(effort),
            "blank": int((annotation.mask == IGNORE).all()),
        }
        with self.atomic():
            self._set_apart(annotation.id, annotation.task)
            row |= self._known_beginning(annotation)
            row["drawn_on"] = self._drawn_on(image_id, annotation)
            self._insert("annotations", row, clash="REPLACE")
            self._write("DELETE FROM skips WHERE id = ?", annotation.id)
            if row["shown"] is None or annotation.shown is not None:
                self._keep_classes(annotation.id, effort)

    def _set_apart(self, number: str, task: str) -> None:
        """What is known under this number from another task keeps it with a mark: a tool that
        gives one number to two answers costs neither."""
        for table in ("annotations", "skips"):
            for row in self._rows(f"SELECT task, image_id FROM {table} WHERE id = ?", number):
                if row["task"].partition("#")[0] == task:
                    continue
                marked = f"{number}#{row['image_id']}"
                self._write(f"UPDATE OR REPLACE {table} SET id = ? WHERE id = ?", marked, number)
                if table == "annotations":
                    sql = "UPDATE OR REPLACE corrections SET annotation = ? WHERE annotation = ?"
                    self._write(sql, marked, number)

    def _known_beginning(self, annotation: Annotation) -> Row:
        """What an answer began with, where it was told before and the prediction is deleted now."""
        if annotation.shown is not None:
            return {}
        rows = self._rows(
            "SELECT shown, corrected, changed_share, unmeasured FROM annotations "
            "WHERE id = ? AND updated_at = ? AND shown IS NOT NULL",
            annotation.id,
            stamp(annotation.updated_at),
        )
        return rows[0] if rows else {}

    def keep_effort(self, annotation: str, effort: Effort | Unmeasured) -> None:
        """What the work on an answer that is kept already came to."""
        columns = _effort_columns(effort)
        with self.atomic():
            self._write(
                "UPDATE annotations SET changed_share = ?, unmeasured = ? WHERE id = ?",
                *columns.values(),
                annotation,
            )
            self._keep_classes(annotation, effort)

    def _drawn_on(self, image_id: int, annotation: Annotation) -> str | None:
        """The bytes of the image that an answer is about: those of now, unless the answer is as it
        was before these came."""
        rows = self._rows(
            "SELECT drawn_on FROM annotations WHERE id = ? AND image_id = ? AND updated_at = ? "
            "AND drawn_on IS NOT NULL",
            annotation.id,
            image_id,
            stamp(annotation.updated_at),
        ) or self._rows("SELECT sha256 AS drawn_on FROM images WHERE id = ?", image_id)
        return str(rows[0]["drawn_on"]) if rows else None

    def unconfirmed_ids(self) -> set[int]:
        """Ids of the labeled images whose bytes were replaced since, so that nobody knows whether
        the label fits; it counts again when somebody submits it again, or the old bytes return."""
        rows = self._rows(
            "SELECT DISTINCT a.image_id, i.sha256 FROM annotations a JOIN images i "
            "ON i.id = a.image_id WHERE a.deleted = 0 AND a.drawn_on != i.sha256"
        )
        now = {row["image_id"]: row["sha256"] for row in rows}
        drawn = self._in_effect(now, "drawn_on")
        return {image_id for image_id, sha256 in drawn.items() if sha256 != now[image_id]}

    def kept_annotations(self, ids: Iterable[str]) -> set[str]:
        """Those of these annotations that are kept and not deleted."""
        rows = self._rows(
            "SELECT id FROM annotations WHERE deleted = 0 AND id IN "
            "(SELECT value FROM json_each(?))",
            json.dumps(list(ids)),
        )
        return {row["id"] for row in rows}

    def label_ids(self, image_ids: Iterable[int]) -> dict[int, str]:
        """Image id -> the annotation that is its label, for those of these that have one."""
        return self._in_effect(image_ids, "id")

    def _keep_classes(self, annotation: str, effort: Effort | Unmeasured | None) -> None:
        self._write("DELETE FROM corrections WHERE annotation = ?", annotation)
        for name, pixels in effort.classes.items() if isinstance(effort, Effort) else ():
            row = {"annotation": annotation, "class": name, "iou": pixels.iou} | vars(pixels)
            self._insert("corrections", row)

    def delete_annotations(self, ids: Iterable[str]) -> None:
        """Mark annotations that people deleted; the rows stay."""
        with self.atomic():
            for annotation_id in ids:
                self._write("UPDATE annotations SET deleted = 1 WHERE id = ?", annotation_id)

    def delete_unseen_annotations(self, seen: Mapping[str, Iterable[str]]) -> None:
        """seen: task -> the ids of annotations and skips that it has now; others of the task
        are deleted."""
        for task, ids in seen.items():
            rows = self._rows("SELECT id FROM annotations WHERE task = ? AND deleted = 0", task)
            self.delete_annotations({row["id"] for row in rows} - set(ids))
            for row in self._rows("SELECT id FROM skips WHERE task = ?", task):
                if row["id"] not in ids:
                    self._write("DELETE FROM skips WHERE id = ?", row["id"])

    def noted(self, limit: int = 50) -> list[Row]:
        """Annotations of which something was made beyond reading them, newest first.

        Each row: place ("annotation 3 of task 7"), image (its name), at, notes (in words).
        """
        rows = self._rows(
            "SELECT 'annotation ' || a.id || ' of task ' || a.task AS place, i.name AS image, "
            "a.updated_at AS at, a.notes FROM annotations a JOIN images i ON i.id = a.image_id "
            "WHERE a.deleted = 0 AND a.notes != '[]' ORDER BY a.updated_at DESC, a.id LIMIT ?",
            limit,
        )
        return [row | {"notes": json.loads(row["notes"])} for row in rows]

    def keep_skip(self, image_id: int, skip: Skip) -> None:
        """Remember that a person declined an image, also one who had labeled it before."""
        row = {
            "id": skip.id,
            "image_id": image_id,
            "task": skip.task,
            "annotator": skip.annotator,
            "at": stamp(skip.at),
        }
        with self.atomic():
            self._set_apart(skip.id, skip.task)
            self._insert("skips", row, clash="REPLACE")
            self.delete_annotations([skip.id])

    def skip_counts(self) -> dict[int, int]:
        """Image id -> how many different people skipped it."""
        rows = self._rows("SELECT image_id, count(DISTINCT annotator) AS n FROM skips GROUP BY 1")
        return {row["image_id"]: row["n"] for row in rows}

    def let_count(self, which: str) -> None:
        """Which of several labels of an image counts, where none is ground truth: "latest", the
        one that was edited last, as without this call; or "first", the one that was begun first."""
        if self.fact(_IN_EFFECT) != which:
            self.keep_fact(_IN_EFFECT, which)

    def telling_ids(self) -> set[int]:
        """Ids of the labeled images whose label says something about at least one pixel, of the
        image as it is now."""
        rows = self._rows("SELECT image_id FROM annotations WHERE blank = 1 AND deleted = 0")
        silent = self._in_effect({row["image_id"] for row in rows}, "blank")
        silent_ids = {image_id for image_id, blank in silent.items() if blank}
        return self.labeled_ids() - silent_ids - self.unconfirmed_ids()

    def label_tasks(self, image_ids: Iterable[int]) -> dict[int, str]:
        """Image id -> the task that its label was drawn in, for those of these that have one."""
        return self._in_effect(image_ids, "task")

    def labeled_ids(self) -> set[int]:
        """Ids of the images that people have labeled; each was asked for and is spent, also where
        nobody drew and undrawn pixels have no label."""
        rows = self._rows("SELECT DISTINCT image_id FROM annotations WHERE deleted = 0")
        return {row["image_id"] for row in rows}

    def _in_effect(self, image_ids: Iterable[int], column: str) -> dict[int, Any]:
        """Image id -> a column of its label; masks, which lie between, are not read."""
        rows = self._rows(
            f"SELECT image_id, {column} AS value FROM (SELECT image_id, {column}, {PLACE} "
            "FROM annotations WHERE deleted = 0 AND image_id IN "
            "(SELECT value FROM json_each(?))) WHERE place = 1",
            json.dumps(sorted(image_ids)),
        )
        return {row["image_id"]: row["value"] for row in rows}

    def label_png(self, image_id: int) -> bytes:
        """The mask in effect of a labeled image: 8-bit PNG of class indices."""
        rows = self._rows(f"SELECT mask FROM ({_LABELS}) WHERE image_id = ?", image_id)
        if not rows:
            raise KeyError(f"image {image_id} has no label")
        return bytes(rows[0]["mask"])

    def label_authors(self) -> dict[int, Row]:
        """Image id -> the annotation in effect, without its mask."""
        columns = "id, image_id, annotator, updated_at, lead_time_s, corrected"
        rows = self._rows(f"SELECT {columns} FROM ({_LABELS})")
        return {row["image_id"]: row for row in rows}


def _effort_columns(effort: Effort | Unmeasured | None) -> Row:
    return {
        "changed_share": effort.changed_share if isinstance(effort, Effort) else None,
        "unmeasured": effort.value if isinstance(effort, Unmeasured) else None,
    }


def png_of(mask: Mask) -> bytes:
    """A mask (H, W) as an 8-bit grayscale PNG; lossless."""
    out = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(mask), mode="L").save(out, format="PNG")
    return out.getvalue()

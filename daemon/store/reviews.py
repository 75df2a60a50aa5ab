"""Reviews of labels. Each is kept before the labeling tool is asked, so that it is asked once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from daemon.domain.label_findings import Finding, FindingType
from daemon.domain.reviews import Review, ReviewState, TaskAnswer
from daemon.store.base import Row, StoreBase, parse_time, stamp, utf_8

_STOPPED = "reviews_stopped"  # name of the stored fact
_ANSWERED = (ReviewState.CONFIRMED, ReviewState.CORRECTED, ReviewState.OTHER)


class ReviewQueries(StoreBase):
    """Queries on reviews."""

    def open_review(self, review: Review) -> None:
        """Keep a review before it is sent; its id is given here. An image that has an open one
        keeps that: twice changes nothing."""
        row = {
            "image_id": review.image_id,
            "cycle": review.cycle,
            "task": review.task,
            "annotation": review.annotation,
            "sha256": review.sha256,
            "answers": json.dumps(review.answers),
            "places": utf_8(json.dumps([asdict(place) for place in review.places])),
            "state": ReviewState.OPEN.value,
            "opened_at": stamp(review.opened_at),
        }
        self._insert("reviews", row, clash="IGNORE")

    def record_review_version(self, review_id: int, version: str) -> None:
        """Keep that the labeling tool shows the label among the predictions of this version."""
        self._write("UPDATE reviews SET version = ? WHERE id = ?", version, review_id)

    def close_review(
        self,
        review: Review,
        state: ReviewState,
        at: datetime,
        *,
        answer: str = "",
        words: str = "",
        outcomes: Sequence[ReviewState] = (),
    ) -> None:
        """Close an open review; one that is closed stays as it is. outcomes: of its places."""
        self._write(
            "UPDATE reviews SET state = ?, closed_at = ?, answer = ?, words = ?, outcomes = ? "
            "WHERE id = ? AND state = ?",
            state.value,
            stamp(at),
            answer or None,
            utf_8(words),
            json.dumps([outcome.value for outcome in outcomes]),
            review.id,
            ReviewState.OPEN.value,
        )

    def reviews(self, *states: ReviewState) -> list[Review]:
        """Reviews in these states (all without any), oldest first."""
        marks = ", ".join("?" * len(states)) or "state"
        sql = f"SELECT * FROM reviews WHERE state IN ({marks}) ORDER BY id"
        return [_review(row) for row in self._rows(sql, *(state.value for state in states))]

    def review_counts(self) -> dict[ReviewState, int]:
        """How many reviews are in each state."""
        rows = self._rows("SELECT state, count(*) AS n FROM reviews GROUP BY state")
        return dict.fromkeys(ReviewState, 0) | {ReviewState(row["state"]): row["n"] for row in rows}

    def newest_review_outcomes(self, limit: int) -> list[ReviewState]:
        """The outcomes of the answered reviews, the newest first."""
        marks = ", ".join("?" * len(_ANSWERED))
        rows = self._rows(
            f"SELECT state FROM reviews WHERE state IN ({marks}) ORDER BY closed_at DESC, id DESC "
            "LIMIT ?",
            *(state.value for state in _ANSWERED),
            limit,
        )
        return [ReviewState(row["state"]) for row in rows]

    def review_authors(self) -> dict[int, str]:
        """Review -> who drew the label that was looked at, for answered reviews."""
        marks = ", ".join("?" * len(_ANSWERED))
        rows = self._rows(
            "SELECT r.id, a.annotator FROM reviews r JOIN annotations a ON a.id = r.annotation "
            f"WHERE r.state IN ({marks}) ORDER BY r.id",
            *(state.value for state in _ANSWERED),
        )
        return {row["id"]: row["annotator"] for row in rows}

    def reviews_stopped(self) -> str:
        """Why no further review is opened, as a sentence; "" while they are."""
        return self.fact(_STOPPED) or ""

    def keep_reviews_stopped(self, words: str) -> None:
        """Keep why no further review is opened; it replaces an earlier reason."""
        self.keep_fact(_STOPPED, words)

    def task_answers(self, task: str) -> list[TaskAnswer]:
        """The annotations of a task that were not deleted, in the order in which they were read."""
        rows = self._rows(
            "SELECT id, annotator, ground_truth FROM annotations "
            "WHERE task = ? AND deleted = 0 ORDER BY created_at, id",
            task,
        )
        return [TaskAnswer(**row | {"ground_truth": bool(row["ground_truth"])}) for row in rows]

    def task_skippers(self, task: str) -> set[str]:
        """Who skipped a task."""
        rows = self._rows("SELECT annotator FROM skips WHERE task = ?", task)
        return {row["annotator"] for row in rows}

    def annotation_png(self, annotation: str) -> bytes | None:
        """The mask of an annotation: 8-bit PNG of class indices; None for a deleted one."""
        rows = self._rows("SELECT mask FROM annotations WHERE id = ? AND deleted = 0", annotation)
        return bytes(rows[0]["mask"]) if rows else None


def _review(row: Row) -> Review:
    return Review(
        id=row["id"],
        image_id=row["image_id"],
        cycle=row["cycle"],
        task=row["task"],
        annotation=row["annotation"],
        sha256=row["sha256"],
        answers=tuple(json.loads(row["answers"])),
        places=tuple(map(_place, json.loads(row["places"]))),
        state=ReviewState(row["state"]),
        opened_at=datetime.fromisoformat(row["opened_at"]),
        version=row["version"],
        closed_at=parse_time(row["closed_at"]),
        answer=row["answer"],
        words=row["words"],
        outcomes=tuple(map(ReviewState, json.loads(row["outcomes"]))),
    )


def _place(kept: Mapping[str, Any]) -> Finding:
    changed = {"type": FindingType(kept["type"]), "box_yxyx": tuple(kept["box_yxyx"])}
    return Finding(**{**kept, **changed})

"""Second labels. Each is kept before the labeling tool is asked, so that it is asked once."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime

from daemon.domain import Role
from daemon.domain.second_labels import SecondLabel, SecondLabelState
from daemon.store.base import Row, StoreBase, parse_time, stamp, utf_8

_STOPPED = "second_labels_stopped"  # name of the stored fact


class SecondLabelQueries(StoreBase):
    """Queries on second labels."""

    def open_second_label(self, label: SecondLabel) -> None:
        """Keep a second label before it is asked; its id is given here. An image that has an open
        one keeps that: twice changes nothing."""
        row = {
            "image_id": label.image_id,
            "cycle": label.cycle,
            "task": label.task,
            "answers": json.dumps(label.answers),
            "state": SecondLabelState.OPEN.value,
            "opened_at": stamp(label.opened_at),
        }
        self._insert("second_labels", row, clash="IGNORE")

    def record_second_label_version(self, label_id: int, version: str) -> None:
        """Keep that the labeling tool shows the empty page among the predictions of this
        version."""
        self._write("UPDATE second_labels SET version = ? WHERE id = ?", version, label_id)

    def close_second_label(
        self,
        label: SecondLabel,
        state: SecondLabelState,
        at: datetime,
        *,
        answer: str = "",
        words: str = "",
    ) -> None:
        """Close an open second label; one that is closed stays as it is."""
        self._write(
            "UPDATE second_labels SET state = ?, closed_at = ?, answer = ?, words = ? "
            "WHERE id = ? AND state = ?",
            state.value,
            stamp(at),
            answer or None,
            utf_8(words),
            label.id,
            SecondLabelState.OPEN.value,
        )

    def second_labels(self, *states: SecondLabelState) -> list[SecondLabel]:
        """Second labels in these states (all without any), oldest first."""
        marks = ", ".join("?" * len(states)) or "state"
        sql = f"SELECT * FROM second_labels WHERE state IN ({marks}) ORDER BY id"
        return [_second_label(row) for row in self._rows(sql, *(state.value for state in states))]

    def second_label_counts(self) -> dict[SecondLabelState, int]:
        """How many second labels are in each state."""
        rows = self._rows("SELECT state, count(*) AS n FROM second_labels GROUP BY state")
        found = {SecondLabelState(row["state"]): row["n"] for row in rows}
        return dict.fromkeys(SecondLabelState, 0) | found

    def second_labels_stopped(self) -> str:
        """Why no second label is asked for now, as a sentence; "" while they are."""
        return self.fact(_STOPPED) or ""

    def keep_second_labels_stopped(self, words: str) -> None:
        """Keep why no second label is asked for; it replaces an earlier reason."""
        self.keep_fact(_STOPPED, words)

    def validation_annotators(self) -> dict[int, set[str]]:
        """Validation image -> who labeled it without seeing the label of another person; images
        without such a label are left out."""
        rows = self._rows(
            "SELECT DISTINCT a.image_id, a.annotator FROM annotations a JOIN images i "
            "ON i.id = a.image_id WHERE i.role = ? AND a.deleted = 0 AND a.id NOT IN "
            "(SELECT answer FROM reviews WHERE answer IS NOT NULL)",
            Role.VALIDATION.value,
        )
        found: dict[int, set[str]] = defaultdict(set)
        for row in rows:
            found[row["image_id"]].add(row["annotator"])
        return dict(found)


def _second_label(row: Row) -> SecondLabel:
    return SecondLabel(
        id=row["id"],
        image_id=row["image_id"],
        cycle=row["cycle"],
        task=row["task"],
        answers=tuple(json.loads(row["answers"])),
        state=SecondLabelState(row["state"]),
        opened_at=datetime.fromisoformat(row["opened_at"]),
        version=row["version"],
        closed_at=parse_time(row["closed_at"]),
        answer=row["answer"],
        words=row["words"],
    )

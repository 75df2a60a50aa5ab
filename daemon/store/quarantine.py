"""The quarantine: inputs that cannot be used, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from daemon.domain import RESOLVED, Fault, FaultState, QuarantinedAnswer, QuarantinedFault
from daemon.domain.faults import printable
from daemon.store.base import Row, StoreBase, stamp, utf_8

_RESOLVED = f"({', '.join(repr(state.value) for state in RESOLVED)})"


class QuarantineQueries(StoreBase):
    """Queries on the quarantine. A fault is named by what it is about, as
    "image a/7.jpg": the column `place`."""

    def quarantine(self, faults: Iterable[Fault], at: datetime) -> None:
        """Keep these faults, one for each input, with its newest reason.

        A fault that is resolved and comes again with the same reason stays resolved: the labeling
        tool reports the same change more than once.
        """
        with self.atomic():
            for fault in faults:
                self._write(
                    "INSERT INTO quarantine (place, got, expected, cure, at, annotation, task, "
                    "image_id) VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT id FROM images WHERE key = ?)) "
                    "ON CONFLICT (place) DO UPDATE SET got = excluded.got, at = excluded.at, "
                    "expected = excluded.expected, cure = excluded.cure, task = excluded.task, "
                    "annotation = excluded.annotation, image_id = excluded.image_id, "
                    f"state = iif(state = '{FaultState.CORRECTED}', '{FaultState.OPEN}', state) "
                    "WHERE got != excluded.got OR image_id IS NOT excluded.image_id "
                    f"OR state = '{FaultState.CORRECTED}'",
                    *_fault_row(fault, at),
                )

    def release(self, inputs: Iterable[str]) -> None:
        """Mark the faults of these inputs as corrected, if about answers; delete the others."""
        with self.atomic():
            for where in inputs:
                self._write("DELETE FROM quarantine WHERE place = ? AND image_id IS NULL", where)
                self._write(
                    "UPDATE quarantine SET state = ? WHERE place = ?", FaultState.CORRECTED, where
                )

    def delete_absent_faults(self, present: Mapping[str, Iterable[str]]) -> None:
        """Delete faults of annotations that are gone. present: task -> its annotations."""
        for task, ids in present.items():
            rows = self._rows("SELECT place, annotation FROM quarantine WHERE task = ?", task)
            gone = [row["place"] for row in rows if row["annotation"] not in set(ids)]
            for where in gone:
                self._write("DELETE FROM quarantine WHERE place = ?", where)

    def delete_task_faults(self) -> None:
        """Delete the faults of tasks, before the labeling tool is read from its beginning."""
        self._write("DELETE FROM quarantine WHERE task IS NOT NULL AND annotation IS NULL")

    def set_fault_state(self, where: str, state: FaultState) -> None:
        """Keep what became of a fault."""
        self._write("UPDATE quarantine SET state = ? WHERE place = ?", state.value, where)

    def unusable_answers(self) -> list[QuarantinedAnswer]:
        """The answers about known images that are not resolved, oldest first."""
        rows = self._rows(
            "SELECT * FROM quarantine WHERE image_id IS NOT NULL AND annotation IS NOT NULL "
            f"AND state NOT IN {_RESOLVED} ORDER BY at, place"
        )
        return [_answer(row) for row in rows]

    def unusable_ids(self) -> set[int]:
        """Ids of the images of `unusable_answers`."""
        rows = self._rows(
            "SELECT DISTINCT image_id FROM quarantine WHERE image_id IS NOT NULL "
            f"AND annotation IS NOT NULL AND state NOT IN {_RESOLVED}"
        )
        return {row["image_id"] for row in rows}

    def quarantined(self) -> list[QuarantinedFault]:
        """All faults: first those that are not resolved, then the newest first."""
        rows = self._rows(
            "SELECT q.place, q.got, q.expected, q.cure, q.at, q.state, i.name AS image, q.image_id "
            "FROM quarantine q LEFT JOIN images i ON i.id = q.image_id "
            f"ORDER BY q.state IN {_RESOLVED}, q.at DESC, q.place"
        )
        return [_fault(row) for row in rows]


def _answer(row: Row) -> QuarantinedAnswer:
    return QuarantinedAnswer(
        where=row["place"],
        got=row["got"],
        expected=row["expected"],
        state=FaultState(row["state"]),
        annotation=row["annotation"],
        task=row["task"],
        image_id=row["image_id"],
    )


def _fault(row: Row) -> QuarantinedFault:
    return QuarantinedFault(
        where=row["place"],
        got=row["got"],
        expected=row["expected"],
        cure=row["cure"],
        at=datetime.fromisoformat(row["at"]),
        state=FaultState(row["state"]),
        image_id=row["image_id"],
        image_name=row["image"],
    )


def _fault_row(fault: Fault, at: datetime) -> tuple[str | None, ...]:
    answer, words = fault.answer, (fault.expected, fault.cure, stamp(at))
    if answer is None:
        task = None if fault.task is None else printable(fault.task)
        return (fault.where, fault.got, *words, None, task, None)
    where = printable(answer.where)
    got = f"{fault.part}: {fault.got}" if fault.part else fault.got
    names = map(printable, (answer.annotation, answer.task))
    return (where, printable(got), *words, *names, utf_8(answer.image_key))

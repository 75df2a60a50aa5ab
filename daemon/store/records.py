"""What a person should know: quarantined inputs and events."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from datetime import datetime

from daemon.domain import Fault
from daemon.domain.faults import printable
from daemon.store.base import Row, StoreBase, stamp, utf_8


class FaultState(enum.StrEnum):
    """What became of something that could not be used."""

    OPEN = "open"  # the loop goes on without it
    ASKED_AGAIN = "asked again"  # the image is with the annotators once more
    MENDED = "mended"  # the same answer was changed and can be used
    REPLACED = "replaced"  # the image has another answer that can be used
    GIVEN_UP = "given up"  # asked again often enough


SETTLED = (FaultState.MENDED, FaultState.REPLACED)
_SETTLED = f"('{FaultState.MENDED}', '{FaultState.REPLACED}')"


class RecordVerbs(StoreBase):
    """Verbs on the quarantine and the events."""

    def quarantine(self, faults: Iterable[Fault], at: datetime) -> None:
        """Keep what could not be used, each place once, with its newest reason.

        A fault that is settled and comes again with the same reason stays settled: the tool tells
        the same change more than once.
        """
        with self.atomic():
            for fault in faults:
                self._write(
                    "INSERT INTO quarantine (place, got, expected, cure, at, annotation, task, "
                    "image_id) VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT id FROM images WHERE key = ?)) "
                    "ON CONFLICT (place) DO UPDATE SET got = excluded.got, at = excluded.at, "
                    "expected = excluded.expected, cure = excluded.cure, task = excluded.task, "
                    "annotation = excluded.annotation, image_id = excluded.image_id, "
                    f"state = iif(state = '{FaultState.MENDED}', '{FaultState.OPEN}', state) "
                    "WHERE got != excluded.got OR image_id IS NOT excluded.image_id "
                    f"OR state = '{FaultState.MENDED}'",
                    *_fault_row(fault, at),
                )

    def release(self, places: Iterable[str]) -> None:
        """These places are well now: what was an answer stays as mended, others are forgotten."""
        with self.atomic():
            for place in places:
                self._write("DELETE FROM quarantine WHERE place = ? AND image_id IS NULL", place)
                self._write(
                    "UPDATE quarantine SET state = ? WHERE place = ?", FaultState.MENDED, place
                )

    def forget_unseen_faults(self, seen: Mapping[str, Iterable[str]]) -> None:
        """seen: task -> the annotations that it has now; faults of others that it had are gone."""
        for task, ids in seen.items():
            rows = self._rows("SELECT place, annotation FROM quarantine WHERE task = ?", task)
            gone = [row["place"] for row in rows if row["annotation"] not in set(ids)]
            for place in gone:
                self._write("DELETE FROM quarantine WHERE place = ?", place)

    def forget_task_faults(self) -> None:
        """Everything is told anew: faults of tasks are forgotten, those that last come again."""
        self._write("DELETE FROM quarantine WHERE task IS NOT NULL AND annotation IS NULL")

    def set_fault_state(self, place: str, state: FaultState) -> None:
        """Say what became of a fault."""
        self._write("UPDATE quarantine SET state = ? WHERE place = ?", state.value, place)

    def unusable_answers(self) -> list[Row]:
        """Faults of answers about known images that are not settled, oldest first."""
        return self._rows(
            "SELECT * FROM quarantine WHERE image_id IS NOT NULL AND annotation IS NOT NULL "
            f"AND state NOT IN {_SETTLED} ORDER BY at, place"
        )

    def quarantined(self) -> list[Row]:
        """All faults: what is not settled first, then the newest first.

        Each row: place, got, expected, cure, at, state, image (its name, None where unknown),
        image_id.
        """
        return self._rows(
            "SELECT q.place, q.got, q.expected, q.cure, q.at, q.state, i.name AS image, q.image_id "
            "FROM quarantine q LEFT JOIN images i ON i.id = q.image_id "
            f"ORDER BY q.state IN {_SETTLED}, q.at DESC, q.place"
        )

    def note(self, level: str, words: str, at: datetime) -> None:
        """Keep an event ("info", "warning" or "error") for the page and `status`."""
        self._insert("events", {"at": stamp(at), "level": level, "words": utf_8(words)})

    def events(self, limit: int = 50) -> list[Row]:
        """The newest events, newest first."""
        return self._rows("SELECT at, level, words FROM events ORDER BY id DESC LIMIT ?", limit)


def _fault_row(fault: Fault, at: datetime) -> tuple[str | None, ...]:
    answer, words = fault.answer, (fault.expected, fault.cure, stamp(at))
    if answer is None:
        task = None if fault.task is None else printable(fault.task)
        return (fault.where, fault.got, *words, None, task, None)
    place = printable(answer.place)
    part = fault.where.removeprefix(place).lstrip(", ")
    got = f"{part}: {fault.got}" if part else fault.got
    names = map(printable, (answer.annotation, answer.task))
    return (place, printable(got), *words, *names, utf_8(answer.image_key))

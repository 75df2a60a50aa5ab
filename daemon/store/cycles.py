"""Cycles and their stages, picks and evaluations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from daemon.domain import CurvePoint, Cycle, Evaluation, Missing, Pick, Stage, StageTime, Why
from daemon.store.base import Row, StoreBase, parse_time, stamp
from daemon.store.evaluations import details_of, parse_details


class CycleQueries(StoreBase):
    """Queries on cycles, picks and evaluations."""

    def start_cycle(
        self, number: int, stage: Stage, at: datetime, *, labels: int, train_labels: int
    ) -> None:
        """Open a cycle at a stage; the label counts are those it trains on."""
        row = {
            "id": number,
            "stage": stage.value,
            "started_at": stamp(at),
            "labels": labels,
            "train_labels": train_labels,
        }
        with self.atomic():
            self._insert("cycles", row)
            self._start_stage(number, stage, at)

    def last_cycle(self) -> Cycle | None:
        """The newest cycle, open or done; None before the first."""
        rows = self._rows("SELECT * FROM cycles ORDER BY id DESC LIMIT 1")
        return _cycle(rows[0]) if rows else None

    def finish_stage(self, cycle: int, stage: Stage, at: datetime) -> None:
        """Record that `stage` is done, so that a restart resumes at the one after."""
        after = stage.next()
        with self.atomic():
            self._write(
                "UPDATE stages SET finished_at = ? WHERE cycle = ? AND stage = ?",
                stamp(at),
                cycle,
                stage.value,
            )
            self._write(
                "UPDATE cycles SET stage = ?, failures = 0, failed_at = NULL WHERE id = ?",
                after.value,
                cycle,
            )
            if after is Stage.DONE:
                self._write("UPDATE cycles SET finished_at = ? WHERE id = ?", stamp(at), cycle)
            else:
                self._start_stage(cycle, after, at)

    def reopen_cycle(self, cycle: int, stage: Stage, at: datetime) -> None:
        """Take a finished cycle back to one of its stages."""
        with self.atomic():
            self._write(
                "UPDATE cycles SET stage = ?, finished_at = NULL WHERE id = ?", stage.value, cycle
            )
            self._start_stage(cycle, stage, at)

    def stage_times(self) -> list[StageTime]:
        """When each stage of each cycle began and ended, by cycle and start."""
        rows = self._rows(
            "SELECT cycle, stage, started_at, finished_at, seconds FROM stages "
            "ORDER BY cycle, started_at"
        )
        return [_stage_time(row) for row in rows]

    def count_failure(self, cycle: int, at: datetime) -> int:
        """Record that a stage of the cycle failed; returns how many times in a row it did."""
        self._write(
            "UPDATE cycles SET failures = failures + 1, failed_at = ? WHERE id = ?",
            stamp(at),
            cycle,
        )
        return int(self._rows("SELECT failures FROM cycles WHERE id = ?", cycle)[0]["failures"])

    def forget_failures(self, cycle: int) -> None:
        """End the pause after failures, since their reason may be gone."""
        self._write("UPDATE cycles SET failures = 0, failed_at = NULL WHERE id = ?", cycle)

    def next_attempt(self, cycle: int) -> int:
        """A new attempt number of this cycle; it is kept before it is used."""
        with self.atomic():
            self._write("UPDATE cycles SET attempt = attempt + 1 WHERE id = ?", cycle)
            return int(self._rows("SELECT attempt FROM cycles WHERE id = ?", cycle)[0]["attempt"])

    def save_picks(self, cycle: int, picks: Sequence[Pick], reserve: Sequence[Pick]) -> None:
        """Keep the batch of a cycle and its reserve, in rank order. Twice changes nothing."""
        with self.atomic():
            self._write("DELETE FROM picks WHERE cycle = ?", cycle)
            for pick in [*picks, *reserve]:
                row = {"cycle": cycle, "reserve": int(pick in reserve)} | vars(pick)
                self._insert("picks", row)

    def picks(self, cycle: int) -> list[Pick]:
        """The batch of a cycle, best first."""
        return self._picks(cycle, reserve=0)

    def reserve(self, cycle: int) -> list[Pick]:
        """The reserve of a cycle, which replaces dropped images, best first."""
        return self._picks(cycle, reserve=1)

    def keep_evaluation(self, split: str, point: CurvePoint, evaluation: Evaluation) -> None:
        """Keep the figures of the model of a cycle on `split` ("validation" or "test")."""
        low, high = evaluation.miou_interval or (None, None)
        row = {
            "cycle": point.cycle,
            "split": split,
            "labels": point.labels,
            "train_labels": point.train_labels,
            "images": evaluation.images,
            "miou": evaluation.miou,
            "miou_low": low,
            "miou_high": high,
            "iou": json.dumps(dict(evaluation.iou)),
            "missing": json.dumps(
                {key: asdict(missing) for key, missing in evaluation.missing.items()}
            ),
            "interval_coverage": evaluation.interval_coverage,
            "interval_groups": evaluation.interval_groups,
            "seconds": point.seconds,
            "details": details_of(evaluation),
        }
        self._insert("evaluations", row, clash="REPLACE")

    def curve(self) -> list[CurvePoint]:
        """The learning curve: one point a trained cycle, by cycle."""
        splits: dict[int, dict[str, Row]] = {}
        for row in self._rows("SELECT * FROM evaluations ORDER BY cycle"):
            splits.setdefault(row["cycle"], {})[row["split"]] = row
        return [_point(cycle, rows) for cycle, rows in splits.items()]

    def _picks(self, cycle: int, *, reserve: int) -> list[Pick]:
        rows = self._rows(
            "SELECT image_id, rank, arm, reason FROM picks "
            "WHERE cycle = ? AND reserve = ? ORDER BY rank",
            cycle,
            reserve,
        )
        return [Pick(**row) for row in rows]

    def _start_stage(self, cycle: int, stage: Stage, at: datetime) -> None:
        row = {"cycle": cycle, "stage": stage.value, "started_at": stamp(at)}
        self._insert("stages", row, clash="IGNORE")


def _cycle(row: Row) -> Cycle:
    return Cycle(
        number=row["id"],
        stage=Stage(row["stage"]),
        labels=row["labels"],
        train_labels=row["train_labels"],
        failures=row["failures"],
        failed_at=parse_time(row["failed_at"]),
    )


def _stage_time(row: Row) -> StageTime:
    return StageTime(
        cycle=row["cycle"],
        stage=Stage(row["stage"]),
        started_at=datetime.fromisoformat(row["started_at"]),
        finished_at=parse_time(row["finished_at"]),
        seconds=row["seconds"],
    )


def _point(cycle: int, rows: dict[str, Row]) -> CurvePoint:
    first = next(iter(rows.values()))
    return CurvePoint(
        cycle=cycle,
        labels=first["labels"],
        train_labels=first["train_labels"],
        validation=_evaluation(rows.get("validation")),
        test=_evaluation(rows.get("test")),
        seconds=rows.get("validation", first)["seconds"],
    )


def _evaluation(row: Row | None) -> Evaluation | None:
    if row is None:
        return None
    interval = None if row["miou_low"] is None else (row["miou_low"], row["miou_high"])
    return Evaluation(
        images=row["images"],
        miou=row["miou"],
        iou=json.loads(row["iou"]),
        miou_interval=interval,
        interval_coverage=row["interval_coverage"],
        interval_groups=row["interval_groups"],
        missing={key: _missing(one) for key, one in json.loads(row["missing"]).items()},
        **parse_details(row["details"]),
    )


def _missing(row: dict[str, Any]) -> Missing:
    return Missing(**row | {"why": Why(row["why"]), "classes": tuple(row["classes"])})

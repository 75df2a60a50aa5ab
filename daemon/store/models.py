"""What the gate and people said of each model, and which model people chose to serve."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from daemon.domain.models import ClassFall, GateVerdict, Ground, JudgedModel, ModelNote
from daemon.store.base import Row, parse_time, stamp, utf_8
from daemon.store.cycle_summary import CycleSummaryQueries

# Name of the stored fact: the cycle whose training a person stopped, "" for none.
TRAINING_STOPPED = "training_stopped"


class ModelQueries(CycleSummaryQueries):
    """Queries on judged models, their notes and the choices of people."""

    def keep_judged_model(self, model: JudgedModel) -> None:
        """Keep the verdict on a model. Twice changes nothing; an approval stays."""
        row = {
            "cycle": model.cycle,
            "serving": model.serving,
            "verdict": model.verdict.value,
            "at": stamp(model.at),
            "ground": model.ground.value if model.ground else None,
            "against": model.against,
            "words": utf_8(model.words),
            "falls": json.dumps([asdict(fall) for fall in model.falls]),
        }
        self._insert("judged_models", row, clash="IGNORE")

    def judged_models(self) -> dict[int, JudgedModel]:
        """Cycle -> what was said of its model. Models of earlier releases are not among them."""
        rows = self._rows("SELECT * FROM judged_models ORDER BY cycle")
        return {row["cycle"]: _judged_model(row) for row in rows}

    def approve_model(self, cycle: int, by: str, at: datetime) -> None:
        """Keep who approved the model of a cycle; of several approvals the newest counts. A model
        that was judged by an earlier release gets its row now."""
        serving = self.serving(cycle)
        verdict = GateVerdict.SERVES if serving == cycle else GateVerdict.REFUSED
        with self.atomic():
            self.keep_judged_model(
                JudgedModel(cycle=cycle, serving=serving, verdict=verdict, at=at)
            )
            self._write(
                "UPDATE judged_models SET approved_by = ?, approved_at = ? WHERE cycle = ?",
                utf_8(by),
                stamp(at),
                cycle,
            )

    def add_model_note(self, note: ModelNote) -> None:
        """Add a note on the model of a cycle."""
        row = {
            "cycle": note.cycle,
            "at": stamp(note.at),
            "author": utf_8(note.author),
            "text": utf_8(note.text),
        }
        self._insert("model_notes", row)

    def model_notes(self) -> list[ModelNote]:
        """All notes on models, oldest first."""
        rows = self._rows("SELECT cycle, at, author, text FROM model_notes ORDER BY id")
        return [ModelNote(**row | {"at": datetime.fromisoformat(row["at"])}) for row in rows]

    def choose_serving(self, cycle: int, model: int, by: str, at: datetime) -> None:
        """From the end of `cycle` on the model of cycle `model` serves, as a person chose."""
        row = {"cycle": cycle, "model": model, "chosen_by": utf_8(by), "at": stamp(at)}
        self._insert("serving_choices", row, clash="REPLACE")

    def serving_after(self, cycle: int) -> int:
        """The cycle whose model goes on after this one: the next training starts from it. That is
        the one that served in it, unless a person chose another."""
        rows = self._rows("SELECT model FROM serving_choices WHERE cycle = ?", cycle)
        return int(rows[0]["model"]) if rows else self.serving(cycle)


def _judged_model(row: Row) -> JudgedModel:
    falls = (_class_fall(one) for one in json.loads(row["falls"]))
    return JudgedModel(
        cycle=row["cycle"],
        serving=row["serving"],
        verdict=GateVerdict(row["verdict"]),
        at=datetime.fromisoformat(row["at"]),
        ground=Ground(row["ground"]) if row["ground"] else None,
        against=row["against"],
        words=row["words"],
        falls=tuple(falls),
        approved_by=row["approved_by"],
        approved_at=parse_time(row["approved_at"]),
    )


def _class_fall(row: dict[str, Any]) -> ClassFall:
    return ClassFall(**row | {"interval": tuple(row["interval"])})

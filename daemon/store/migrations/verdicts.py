"""What the gate and people said of each model."""

from __future__ import annotations

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations


@migrations()
def m020_judged_models(db: Database) -> None:
    """The verdict on each model, notes on models, and the model that a person chose to serve.

    serving_choices: after this cycle the model of cycle `model` serves, whoever was to.
    """
    db.execute(
        """CREATE TABLE judged_models (
            cycle INTEGER PRIMARY KEY, serving INTEGER NOT NULL, verdict TEXT NOT NULL,
            at TEXT NOT NULL, ground TEXT, against INTEGER, words TEXT NOT NULL,
            falls TEXT NOT NULL, approved_by TEXT, approved_at TEXT
        ) STRICT"""
    )
    db.execute(
        """CREATE TABLE model_notes (
            id INTEGER PRIMARY KEY, cycle INTEGER NOT NULL, at TEXT NOT NULL,
            author TEXT NOT NULL, text TEXT NOT NULL
        ) STRICT"""
    )
    db.execute(
        """CREATE TABLE serving_choices (
            cycle INTEGER PRIMARY KEY, model INTEGER NOT NULL, chosen_by TEXT NOT NULL,
            at TEXT NOT NULL
        ) STRICT"""
    )

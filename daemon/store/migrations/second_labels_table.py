"""The table of second labels."""

from __future__ import annotations

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations


@migrations()
def m023_second_labels(db: Database) -> None:
    """Which validation images another person labels too. A row is written before the labeling tool
    is asked; an image has at most one that is open."""
    db.execute(
        """CREATE TABLE second_labels (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            image_id INTEGER NOT NULL REFERENCES images(id), cycle INTEGER NOT NULL,
            task TEXT NOT NULL, answers TEXT NOT NULL, state TEXT NOT NULL, version TEXT,
            opened_at TEXT NOT NULL, closed_at TEXT, answer TEXT, words TEXT NOT NULL DEFAULT ''
        ) STRICT"""
    )
    db.execute(
        "CREATE UNIQUE INDEX second_labels_open ON second_labels(image_id) WHERE state = 'open'"
    )


@migrations()
def m024_label_agreements(db: Database) -> None:
    """How alike the labels of two people of one image are, measured once."""
    db.execute(
        """CREATE TABLE label_agreements (
            image_id INTEGER NOT NULL REFERENCES images(id), first TEXT NOT NULL,
            second TEXT NOT NULL, drawn TEXT NOT NULL, from_mask INTEGER NOT NULL,
            tolerance_px INTEGER NOT NULL, class_names TEXT NOT NULL, pixels TEXT NOT NULL,
            PRIMARY KEY (first, second)
        ) STRICT"""
    )

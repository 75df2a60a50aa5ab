"""The tables of label audits."""

from __future__ import annotations

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations


@migrations()
def m021_findings(db: Database) -> None:
    """Which labels were compared with a model, and what was found in them."""
    db.execute(
        """CREATE TABLE audited (
            annotation TEXT PRIMARY KEY, image_id INTEGER NOT NULL REFERENCES images(id),
            cycle INTEGER NOT NULL, weak INTEGER NOT NULL, at TEXT NOT NULL
        ) STRICT"""
    )
    db.execute(
        """CREATE TABLE findings (
            id INTEGER PRIMARY KEY AUTOINCREMENT, annotation TEXT NOT NULL,
            image_id INTEGER NOT NULL REFERENCES images(id), cycle INTEGER NOT NULL,
            type TEXT NOT NULL, labeled TEXT NOT NULL, proposed TEXT NOT NULL,
            top_px INTEGER NOT NULL, left_px INTEGER NOT NULL, bottom_px INTEGER NOT NULL,
            right_px INTEGER NOT NULL, area_px INTEGER NOT NULL, score REAL NOT NULL,
            expected_precision REAL, reason TEXT NOT NULL, weak INTEGER NOT NULL,
            mask_png TEXT NOT NULL
        ) STRICT"""
    )
    db.execute("CREATE INDEX findings_of_annotation ON findings(annotation)")
    db.execute("CREATE INDEX findings_by_score ON findings(score)")

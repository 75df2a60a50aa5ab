"""The table of reviews."""

from __future__ import annotations

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations


@migrations()
def m022_reviews(db: Database) -> None:
    """Which labels another person looks at once more, and what came of it. A row is written before
    the labeling tool is asked; an image has at most one open review."""
    db.execute(
        """CREATE TABLE reviews (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            image_id INTEGER NOT NULL REFERENCES images(id), cycle INTEGER NOT NULL,
            task TEXT NOT NULL, annotation TEXT NOT NULL, sha256 TEXT NOT NULL,
            answers TEXT NOT NULL, places TEXT NOT NULL, state TEXT NOT NULL, version TEXT,
            opened_at TEXT NOT NULL, closed_at TEXT, answer TEXT, words TEXT NOT NULL DEFAULT ''
        ) STRICT"""
    )
    db.execute("CREATE UNIQUE INDEX reviews_open ON reviews(image_id) WHERE state = 'open'")

"""The table of masks that nobody accepted."""

from __future__ import annotations

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations


@migrations()
def m029_unaccepted_masks(db: Database) -> None:
    """Masks that were suggested for clicks which an annotation holds in their place."""
    db.execute(
        """CREATE TABLE unaccepted_masks (
            annotation TEXT NOT NULL, session TEXT NOT NULL, task TEXT NOT NULL,
            image_id INTEGER NOT NULL REFERENCES images(id), region TEXT NOT NULL,
            label TEXT NOT NULL, top_px INTEGER NOT NULL, left_px INTEGER NOT NULL,
            bottom_px INTEGER NOT NULL, right_px INTEGER NOT NULL, area_px INTEGER NOT NULL,
            mask_png TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (annotation, session)
        ) STRICT"""
    )
    db.execute("CREATE INDEX unaccepted_masks_of_task ON unaccepted_masks(task)")

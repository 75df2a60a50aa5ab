"""Regions of two classes on the same pixels."""

from __future__ import annotations

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations


@migrations()
def m027_overlapping_regions(db: Database) -> None:
    """How many pixels of an answer were drawn by two classes; NULL: not counted when it was read.
    The index is what the audit reads: the column lies behind the masks."""
    db.execute("ALTER TABLE annotations ADD COLUMN overlap_px INTEGER")
    db.execute(
        "CREATE INDEX annotations_drawn_twice ON annotations(overlap_px, id) "
        "WHERE deleted = 0 AND overlap_px > 0"
    )

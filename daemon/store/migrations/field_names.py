"""Names that only we understood become those of the field."""

from __future__ import annotations

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations


@migrations()
def m028_field_names(db: Database) -> None:
    """An annotation knows the version of the prediction that it began with; an event has a message;
    an answer that was mended is corrected."""
    db.execute("ALTER TABLE annotations RENAME COLUMN shown TO prediction_version")
    db.execute("ALTER TABLE events RENAME COLUMN words TO message")
    db.execute("UPDATE quarantine SET state = 'corrected' WHERE state = 'mended'")
    db.execute("UPDATE facts SET name = 'duplicate_labels_reported' WHERE name = 'doubles_said'")

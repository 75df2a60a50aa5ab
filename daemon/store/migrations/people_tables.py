"""The tables about the people who label."""

from __future__ import annotations

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations


@migrations()
def m020_people(db: Database) -> None:
    """What the labeling tool says of people: their names, and which open tasks they have begun."""
    db.execute("CREATE TABLE people (annotator TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT")
    db.execute(
        "CREATE TABLE drafts (task TEXT PRIMARY KEY, annotator TEXT NOT NULL, "
        "since TEXT NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX tasks_of_cycle ON tasks(cycle)")


@migrations()
def m020_labels_without_masks(db: Database) -> None:
    """Which answers count as labels is read from this index alone: in the table most columns lie
    behind the masks, some 27 KB each, which would all be read along."""
    db.execute(
        "CREATE INDEX annotations_that_count ON annotations(image_id, ground_truth, updated_at, "
        "created_at, id, annotator, lead_time_s, corrected, shown, changed_share, unmeasured, "
        "blank, drawn_on, deleted) "
        "WHERE deleted = 0"
    )
    db.execute(
        "CREATE INDEX annotations_with_notes ON annotations(updated_at) "
        "WHERE deleted = 0 AND notes != '[]'"
    )

"""What tells that a label is another one than it was when a model or a reviewer met it."""

from __future__ import annotations

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations


@migrations()
def m025_used_label_versions(db: Database) -> None:
    """When each label that a model learned from had been edited last; unknown for older ones."""
    db.execute("ALTER TABLE used_labels ADD COLUMN updated_at TEXT")


@migrations()
def m026_outcomes_of_places(db: Database) -> None:
    """What reviewers made of each place that they were shown. Of a review of one place it is the
    outcome of the review; of an older one with several places it is not known."""
    db.execute("ALTER TABLE reviews ADD COLUMN outcomes TEXT NOT NULL DEFAULT '[]'")
    db.execute(
        "UPDATE reviews SET outcomes = json_array(state) "
        "WHERE state IN ('confirmed', 'corrected', 'other') AND json_array_length(places) = 1"
    )

"""The tables about the people who label."""

from __future__ import annotations

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations


@migrations()
def m020_people(db: Database) -> None:
    """What the labeling tool says of people: their names, and which open tasks they have begun."""
    db.execute("CREATE TABLE people (annotator TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT")
    db.execute(
        "CREATE TABLE begun_tasks (task TEXT PRIMARY KEY, annotator TEXT NOT NULL, "
        "since TEXT NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX tasks_of_cycle ON tasks(cycle)")

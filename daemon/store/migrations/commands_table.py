"""The table of what people ask the loop to do."""

from __future__ import annotations

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations


@migrations()
def m019_commands(db: Database) -> None:
    """What people asked for on a page or with `maskloop ask`, and what became of it."""
    db.execute(
        """CREATE TABLE commands (
            id INTEGER PRIMARY KEY AUTOINCREMENT, verb TEXT NOT NULL, arguments TEXT NOT NULL,
            asked_by TEXT NOT NULL, role TEXT NOT NULL, asked_at TEXT NOT NULL,
            state TEXT NOT NULL, outcome TEXT NOT NULL DEFAULT '', finished_at TEXT
        ) STRICT"""
    )
    db.execute("CREATE INDEX commands_waiting ON commands(id) WHERE state = 'waiting'")


@migrations()
def m019_tasks_that_people_put_first(db: Database) -> None:
    """Open tasks that a person wants answered before the others, whoever chose their images."""
    db.execute("ALTER TABLE tasks ADD COLUMN put_first INTEGER NOT NULL DEFAULT 0")

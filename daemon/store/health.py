"""Reports on a store without changing it, however new or damaged it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.domain import Heartbeat
from daemon.store.incidents import heartbeat_of
from daemon.store.migrations import migrations

_COUNTS = {
    "images by role": "SELECT role, count(*) FROM images GROUP BY role",
    "tasks by state": "SELECT state, count(*) FROM tasks GROUP BY state",
    "outbox by state": "SELECT state, count(*) FROM outbox GROUP BY state",
    "annotations": "SELECT iif(deleted, 'deleted', 'kept'), count(*) FROM annotations GROUP BY 1",
    "skips": "SELECT 'all', count(*) FROM skips",
    "quarantine": "SELECT state, count(*) FROM quarantine GROUP BY state",
}
_LISTS = {
    "last cycles": (
        "SELECT id, stage, started_at, finished_at, labels, train_labels, attempt, failures, "
        "failed_at, serving, maskloop FROM cycles ORDER BY id DESC LIMIT 3"
    ),
    "curve": "SELECT cycle, split, labels, miou FROM evaluations ORDER BY cycle DESC LIMIT 6",
    "events": "SELECT at, level, message FROM events ORDER BY id DESC LIMIT 20",
    "quarantined": "SELECT at, place, got, cure, state FROM quarantine ORDER BY at DESC LIMIT 10",
    "does not work": "SELECT source, kind, since, last_at, count, substr(words, 1, 300) AS words "
    "FROM incidents WHERE ended_at IS NULL ORDER BY since",
    "facts": "SELECT name, substr(value, 1, 300) AS value FROM facts ORDER BY name",
}
_LONGEST_CHECK_STEPS = 2_000  # of 100000 instructions each: about a minute


def examine(path: Path) -> dict[str, Any]:
    """The report on a store for `maskloop doctor`. Opens it for reading only.

    Never raises: a part that cannot be read is replaced by a message.
    """
    report: dict[str, Any] = {
        "bytes": {file.name: file.stat().st_size for file in sorted(path.parent.glob("store.db*"))},
        "last write": last_write(path),
    }
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as store:
            store.row_factory = sqlite3.Row
            report |= _schema(store)
            report["integrity"] = _integrity(store)
            for name, sql in _COUNTS.items():
                report[name] = _answer(store, sql, dict)
            for name, sql in _LISTS.items():
                report[name] = _answer(store, sql, lambda rows: [dict(row) for row in rows])
    except sqlite3.Error as exc:
        report["fault"] = f"{path}: cannot be read: {exc}"
    return report


def last_heartbeat(path: Path) -> Heartbeat | None:
    """The last heartbeat; None if there is none or it cannot be read."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as store:
            store.row_factory = sqlite3.Row
            row = store.execute("SELECT * FROM heartbeat").fetchone()
        return None if row is None else heartbeat_of(dict(row))
    except (sqlite3.Error, LookupError, ValueError, TypeError):
        return None


def last_write(path: Path) -> str | None:
    """When the store was written last; a working daemon writes at every tick."""
    times = [file.stat().st_mtime for file in (path, Path(f"{path}-wal")) if file.exists()]
    return datetime.fromtimestamp(max(times), UTC).isoformat() if times else None


def _schema(store: sqlite3.Connection) -> Mapping[str, Any]:
    known = [migration.name for migration in migrations._migrations]
    sql = "SELECT name FROM _sqlite_migrations WHERE migration_set = 'daemon' ORDER BY name"
    applied = _answer(store, sql, lambda rows: [row["name"] for row in rows])
    if not isinstance(applied, list):
        return {"schema": applied}
    return {
        "schema": applied[-1] if applied else "none",
        "steps of a newer Maskloop": [name for name in applied if name not in known],
        "steps to come": [name for name in known if name not in applied],
    }


def _integrity(store: sqlite3.Connection) -> str:
    steps = iter(range(_LONGEST_CHECK_STEPS))
    store.set_progress_handler(lambda: next(steps, None) is None, 100_000)
    found = _answer(store, "PRAGMA integrity_check(5)", lambda rows: [row[0] for row in rows])
    store.set_progress_handler(None, 0)
    return "; ".join(found) if isinstance(found, list) else str(found)


def _answer(store: sqlite3.Connection, sql: str, shape: Any) -> Any:
    try:
        return shape(store.execute(sql).fetchall())
    except sqlite3.Error as exc:
        return f"cannot be read: {exc}"

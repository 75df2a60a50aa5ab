"""Opening, locking, checking and copying the store."""

from __future__ import annotations

import errno
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlite_utils import Database

from daemon.domain.errors import DiskFull, StoreInUse, StoreTooNew, StoreTooOld, StoreUnreadable
from daemon.runs.locks import LockHeld, lock_file
from daemon.store.migrations import migrations

Row = dict[str, Any]
FILE = "store.db"
LOCK = "lock"  # in the state folder, flocked by the one that writes


class StoreBase:
    """One connection to one SQLite file; it belongs to the thread that opened it.

    path: the file. read_only: for pages and reports; needs a file that exists. Commits
    are durable (WAL, synchronous=FULL). Raises StoreTooNew for a newer schema, StoreUnreadable
    for a file that is no store.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        self.folder = path.absolute().parent
        try:
            self._open(path, read_only=read_only)
        except sqlite3.DatabaseError as exc:
            if _is_full(exc):
                raise DiskFull(f"{path}: {exc}; free some space, then go on") from exc
            raise StoreUnreadable(
                f"{path}: cannot be opened as a store: {exc}; expected a file that `maskloop run` "
                f"wrote; {_cure(path, exc)}"
            ) from exc

    def _open(self, path: Path, *, read_only: bool) -> None:
        uri = f"{path.absolute().as_uri()}{'?mode=ro' if read_only else ''}"
        connection = sqlite3.connect(uri, uri=True, timeout=30)
        self._db = Database(connection)
        try:
            self._refuse_newer(path)
            if not read_only:
                self._prepare()
        except BaseException:
            self._db.close()
            raise

    def _prepare(self) -> None:
        self._db.enable_wal()  # readers never wait for the writer
        self._db.execute("pragma synchronous = full")
        self._db.execute("pragma foreign_keys = on")
        migrations.apply(self._db)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._db.close()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """All writes inside are kept together, or none. Raises DiskFull."""
        try:
            with self._db.atomic():
                yield
        except sqlite3.OperationalError as exc:
            if _is_full(exc):
                raise DiskFull(f"the store: {exc}; free some space, the daemon goes on") from exc
            raise

    @contextmanager
    def read_transaction(self) -> Iterator[None]:
        """All reads inside see the store as it is at the first of them, whatever a daemon writes
        meanwhile."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def backup(self, target: Path) -> None:
        """Copy the whole store while it is in use. `target` must not exist; a copy that is not
        whole is removed. Raises StoreUnreadable or DiskFull."""
        if target.exists():
            raise FileExistsError(f"{target} exists; name a new file for the backup")
        try:
            with closing(sqlite3.connect(target)) as copy:
                self._db.conn.backup(copy)
        except sqlite3.DatabaseError as exc:
            target.unlink(missing_ok=True)
            if _is_full(exc):
                raise DiskFull(f"{target}: {exc}; free some space, or name another disk") from exc
            raise StoreUnreadable(
                f"{target}: the copy cannot be written: {exc}; expected a new file in a folder "
                f"that this user may write to, and a store without damage"
            ) from exc

    def require_current(self, path: Path) -> None:
        """Raise StoreTooOld where schema steps are missing, which only a writer may take."""
        if pending := migrations.pending(self._db):
            raise StoreTooOld(
                f"{path}: lacks the schema step {pending[0].name}: an older Maskloop wrote it; "
                f"start `maskloop run`, which brings it up to date"
            )

    def fact(self, name: str) -> str | None:
        """The value of a fact; None if it was never kept."""
        rows = self._rows("SELECT value FROM facts WHERE name = ?", name)
        return str(rows[0]["value"]) if rows else None

    def identity(self) -> str:
        """The UUID of this store, made at the first call; a backup has the same."""
        known = self.fact("identity")
        if known is None:
            known = str(uuid.uuid4())
            self.keep_fact("identity", known)
        return known

    def keep_fact(self, name: str, value: str) -> None:
        """Keep the value of a fact; it replaces an earlier one."""
        self._write("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, utf_8(value))

    def _relative_path(self, path: Path) -> str:
        """A path as the store writes it: relative if it may move with the state folder."""
        inside = path.is_relative_to(self.folder.parent)
        return os.path.relpath(path, self.folder) if inside else str(path)

    def _absolute_path(self, kept: str) -> Path:
        return Path(os.path.normpath(os.path.join(self.folder, kept)))

    def _rows(self, sql: str, *values: object) -> list[Row]:
        return list(self._db.query(sql, list(values)))

    def _tuples(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """As `_rows`, but tuples: faster, for tables with a row for every image."""
        return list(self._db.execute(sql, list(values)))

    def _write(self, sql: str, *values: object) -> int:
        """Run one writing statement; returns the number of rows that it changed.

        Inside `atomic` it needs no savepoint: SQLite runs a statement whole or not at all.
        """
        with nullcontext() if self._db.conn.in_transaction else self.atomic():
            return int(self._db.execute(sql, list(values)).rowcount)

    def _insert(self, table: str, row: Row, *, clash: str = "ABORT") -> None:
        marks = ", ".join("?" * len(row))
        sql = f"INSERT OR {clash} INTO {table} ({', '.join(row)}) VALUES ({marks})"
        self._write(sql, *row.values())

    def _refuse_newer(self, path: Path) -> None:
        known = {migration.name for migration in migrations._migrations}
        newer = [step.name for step in migrations.applied(self._db) if step.name not in known]
        if newer:
            raise StoreTooNew(
                f"{path}: has the schema step {newer[0]}, which this version does not know; "
                f"install the newer Maskloop or restore a backup"
            )


def _is_full(exc: sqlite3.Error) -> bool:
    return "disk is full" in str(exc)


def _cure(path: Path, exc: sqlite3.Error) -> str:
    """What to do about an error of SQLite."""
    if path.is_dir():
        return "it is a folder: remove it, or name another [project] state_dir"
    if "locked" in str(exc):
        return "another program holds it: close that one, and try again"
    if "unable to open" in str(exc) or "readonly" in str(exc):
        return "let this user write to its folder, or name another [project] state_dir"
    return (
        "restore a copy that `maskloop backup` made, or move the file away: a new store takes in "
        "all answers again"
    )


@contextmanager
def sole_writer(state: Path) -> Iterator[None]:
    """Lock the state folder for this process. Raises StoreInUse, which names the holder."""
    with _explain_folder_errors(state):
        state.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            with _explain_folder_errors(state):
                held.enter_context(lock_file(state / LOCK))
        except LockHeld as exc:
            raise StoreInUse(
                f"{state}: in use by process {exc.holder or 'unknown'}; stop it first, two daemons "
                f"on one store would ask everything twice"
            ) from exc
        yield


@contextmanager
def _explain_folder_errors(state: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"{state}: {exc.strerror}; free some space, then go on") from exc
        raise StoreUnreadable(
            f"[project] state_dir: {state}: got {exc.strerror!r} at {exc.filename}; expected a "
            f"folder that this user may write to; correct state_dir, or the rights of the folder"
        ) from exc


def utf_8(text: str) -> str:
    """Escape what UTF-8 cannot encode, such as parts of some file names."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def parse_time(kept: str | None) -> datetime | None:
    """Read a time that `stamp` wrote; None stays None."""
    return None if kept is None else datetime.fromisoformat(kept)


def stamp(at: datetime) -> str:
    """Write a time as ISO 8601 with its zone. Raises ValueError if it has none."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone; the store keeps only times with one")
    return at.isoformat()

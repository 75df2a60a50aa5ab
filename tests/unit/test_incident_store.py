"""Incidents, the heartbeat and moments that wait, in the store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from daemon.domain import Heartbeat, Incident, Reason, Source, Stage
from daemon.runs.locks import holder_of
from daemon.store import FILE, LOCK, Store, sole_writer
from daemon.store.health import examine, last_heartbeat
from daemon.store.migrations import migrations

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DOWN = Reason(source=Source.TOOL, kind="ConnectorUnavailable", words="GET x: refused")
FAILED = Reason(source=Source.RUN, kind="RunFailed", words="no weights", unexpected=True)


def test_an_incident_comes_back_as_it_was_kept_until_it_is_over(tmp_path: Path) -> None:
    down = Incident(reason=DOWN, since=NOON, last_at=NOON + HOUR, count=7, returns=2)
    failed = Incident(reason=FAILED, since=NOON - HOUR, last_at=NOON)

    with Store(tmp_path / FILE) as store:
        store.keep_incidents([down, failed])
        assert store.open_incidents() == [failed, down]  # the oldest first
        store.keep_incidents([replace(down, ended_at=NOON + 2 * HOUR)])
        assert store.open_incidents() == [failed]


def test_the_last_heartbeat_is_the_one_that_is_kept(tmp_path: Path) -> None:
    first = Heartbeat(pid=7, started_at=NOON, began_at=NOON, looked_at=None, next_at=NOON)
    last = replace(first, looked_at=NOON + HOUR, ended_at=NOON + HOUR)

    with Store(tmp_path / FILE) as store:
        assert store.heartbeat() is None
        store.beat(first)
        assert store.heartbeat() == first
        store.beat(last)

    assert last_heartbeat(tmp_path / FILE) == last
    assert last_heartbeat(tmp_path / "absent.db") is None


def test_only_moments_of_the_old_clock_are_moved(tmp_path: Path) -> None:
    with Store(tmp_path / FILE) as store:
        for cycle, hours in enumerate([-5, 0, 5]):
            store.start_cycle(cycle, Stage.TRAIN, NOON, labels=0, train_labels=0)
            store.count_failure(cycle, NOON + hours * HOUR)

        moved = store.move_waits(10 * HOUR, NOON - HOUR, NOON + HOUR)

        rows = store._rows("SELECT failed_at FROM cycles ORDER BY id")
    assert moved == 1
    assert [datetime.fromisoformat(row["failed_at"]) for row in rows] == [
        NOON - 5 * HOUR,
        NOON + 10 * HOUR,
        NOON + 5 * HOUR,
    ]


def test_what_was_said_a_while_ago_is_known(tmp_path: Path) -> None:
    with Store(tmp_path / FILE) as store:
        store.add_event("warning", "mended: sampling", NOON)

        assert store.has_event("mended: sampling", NOON - HOUR)
        assert not store.has_event("mended: sampling", NOON + HOUR)
        assert not store.has_event("mended: overlap", NOON - HOUR)


def test_a_store_of_before_gets_the_tables_and_keeps_what_it_has(tmp_path: Path) -> None:
    old = Database(tmp_path / FILE)
    migrations.apply(old, stop_before="m014_incidents")
    with old.conn:
        old.execute("INSERT INTO facts VALUES ('waiting', 'for people')")
    old.close()
    assert last_heartbeat(tmp_path / FILE) is None
    assert "no such table" in examine(tmp_path / FILE)["does not work"]

    with Store(tmp_path / FILE) as store:
        assert store.fact("waiting") == "for people"
        assert store.open_incidents() == []
        assert store.heartbeat() is None


def test_asking_for_the_holder_never_keeps_a_daemon_from_starting(tmp_path: Path) -> None:
    with sole_writer(tmp_path):
        assert holder_of(tmp_path / LOCK) is not None
    assert holder_of(tmp_path / LOCK) is None
    for _ in range(200):
        with sole_writer(tmp_path):
            pass
        holder_of(tmp_path / LOCK)


@pytest.mark.parametrize("content", [b"", b"not a number", b"\xff\xfe", b"9" * 5000])
def test_a_lock_without_a_number_is_held_by_somebody(tmp_path: Path, content: bytes) -> None:
    with sole_writer(tmp_path):
        (tmp_path / LOCK).write_bytes(content)

        assert holder_of(tmp_path / LOCK) == 0


def test_a_damaged_store_has_no_heartbeat(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"x" * 4096)
    assert last_heartbeat(tmp_path / FILE) is None

    with closing(sqlite3.connect(tmp_path / "odd.db", isolation_level=None)) as odd:
        odd.execute("CREATE TABLE heartbeat (pid, started_at)")
        odd.execute("INSERT INTO heartbeat VALUES (1, 'soon')")
    assert last_heartbeat(tmp_path / "odd.db") is None

"""What planted errors alone say of a finding."""

from __future__ import annotations

from sqlite_utils import Database

from daemon.store.migrations.registry import migrations


@migrations()
def m030_planted_precision(db: Database) -> None:
    """The probability of an error by planted errors alone; before this step reviews changed none,
    so it is the expected one."""
    db.execute("ALTER TABLE findings ADD COLUMN planted_precision REAL")
    db.execute("UPDATE findings SET planted_precision = expected_precision")

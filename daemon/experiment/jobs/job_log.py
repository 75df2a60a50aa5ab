"""The log while jobs run: the daemon's own lines are left out, but for warnings, which name their
job."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def log_of_jobs() -> Iterator[None]:
    """Quiet the daemon, and put the name of its job before what a thread logs."""
    daemon, before = logging.getLogger("daemon"), logging.getLogger("daemon").level
    mine = logging.getLogger("daemon.experiment")
    named = _NamesJob()
    handlers = list(logging.getLogger().handlers)
    if before == logging.NOTSET and logging.getLogger().level > logging.DEBUG:
        daemon.setLevel(logging.WARNING)
        mine.setLevel(logging.INFO)
    for handler in handlers:
        handler.addFilter(named)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(named)
        daemon.setLevel(before)
        mine.setLevel(logging.NOTSET)


class _NamesJob(logging.Filter):
    """Puts the name of the job before what its thread logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True."""
        if record.threadName != "MainThread" and not hasattr(record, "job"):
            record.job = record.threadName
            record.msg, record.args = f"{record.threadName}: {record.getMessage()}", ()
        return True

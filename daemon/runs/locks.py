"""File locks: the kernel frees a lock when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PAUSES_S = (0.02, 0.05, 0.1, 0.2)  # `holder_of` takes the lock for microseconds


class LockHeld(Exception):
    """Another process has the lock. holder: its process id, 0 where it left none."""

    def __init__(self, holder: int) -> None:
        super().__init__(f"held by process {holder or 'unknown'}")
        self.holder = holder


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold the lock at `path`, a file that is created if needed, with our process id in it.

    Raises LockHeld while another process has it.
    """
    with path.open("a+") as file:
        for pause_s in (*_PAUSES_S, None):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as exc:
                if pause_s is None:
                    raise LockHeld(_process_id(path)) from exc
                time.sleep(pause_s)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def holder_of(path: Path) -> int | None:
    """The id of the process that has the lock at `path`; 0 where it left none, None for nobody.

    Raises OSError where the file cannot be read or its file system has no locks.
    """
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return _process_id(path)
    return None


def _process_id(path: Path) -> int:
    words = path.read_text(errors="replace").strip()
    return int(words) if words.isascii() and words.isdigit() and len(words) < 20 else 0

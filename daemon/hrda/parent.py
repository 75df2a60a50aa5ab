"""A training dies with the daemon that started it, however that one died."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

WATCH_STDIN = "MASKLOOP_PARENT_STDIN"
PR_SET_PDEATHSIG = 1
LEFT_ALONE = 70  # exit code


def die_with_parent() -> None:
    """Ask Linux for SIGKILL when the parent dies; watch stdin too where we are told to.

    The daemon holds the other end of stdin and never writes: its end is the daemon's.
    """
    if os.environ.get(WATCH_STDIN) != "1":
        return
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_stdin, name="parent", daemon=True).start()


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(LEFT_ALONE)

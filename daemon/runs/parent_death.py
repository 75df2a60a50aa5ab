"""A child process ends with its parent, however the parent died.

`end_with_parent` is for programs of ours that the daemon starts. `python parent_death.py PARENT_PID
COMMAND ...` is for programs of others: the kernel's parent-death signal (prctl(2),
PR_SET_PDEATHSIG) survives exec, so the command takes this process over and there is none in
between. Standard library only, so that this starts in milliseconds. The signal follows the
*thread* that started the process: start it from one that lives as long as the child should.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

PARENT_STDIN = "MASKLOOP_PARENT_STDIN"  # "1" in the environment of a child that watches its stdin
PARENT_DIED = 70  # exit code
_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent dies, and end with stdin too.

    Does nothing without PARENT_STDIN=1. The parent holds the other end of stdin and never writes,
    so that the end of stdin is the parent's; this works on other systems than Linux too.
    """
    if os.environ.get(PARENT_STDIN) != "1":
        return
    die_with_parent()
    threading.Thread(target=_end_with_stdin, name="parent", daemon=True).start()


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies; standard input stays untouched.

    For a program that reads its standard input itself. Does nothing without PARENT_STDIN=1.
    """
    if os.environ.get(PARENT_STDIN) == "1" and sys.platform == "linux":
        _kill_at_parent_death()


def run_with_parent(parent: int, command: list[str]) -> None:
    """Become `command`; never returns. Ends at once where the process `parent` is gone already.

    Raises OSError where the kernel does not offer the signal, or the command cannot be run.
    """
    if not _kill_at_parent_death():
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed; expected Linux")
    if os.getppid() != parent:
        sys.exit(1)
    os.execvp(command[0], command)


def _kill_at_parent_death() -> bool:
    """Whether the kernel will send SIGKILL to this process when its parent dies."""
    libc = ctypes.CDLL(None, use_errno=True)
    return not libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(PARENT_DIED)


if __name__ == "__main__":
    run_with_parent(int(sys.argv[1]), sys.argv[2:])

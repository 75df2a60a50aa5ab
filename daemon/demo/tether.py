"""Run a command that cannot outlive its parent: `python tether.py PARENT_PID COMMAND ...`.

The kernel's parent-death signal (prctl(2), PR_SET_PDEATHSIG) survives exec, so the command
takes this process over and there is no process in between. Linux only; standard library
only, so that it starts in milliseconds. The signal follows the *thread* that started this
process: start it from one that lives as long as the command should.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Become `command`; never returns. Ends at once where the parent is gone already."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])

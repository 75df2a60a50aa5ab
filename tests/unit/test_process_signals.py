"""SIGHUP makes the daemon read config.toml again, unless its terminal was closed."""

from __future__ import annotations

import os
import pty
import signal
from collections.abc import Callable

from daemon.loop.process_signals import ProcessSignals


def exit_code(act: Callable[[int, int, int], None], *, terminal: bool) -> int:
    """How a process ends that counts SIGHUPs: 10 + their number. act: (pid, pipe, terminal)."""
    ready, ready_in_child = os.pipe()
    pid, master = pty.fork() if terminal else (os.fork(), -1)
    if pid == 0:
        if not terminal:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        calls: list[int] = []
        signals = ProcessSignals()

        def count() -> None:
            calls.append(1)
            os.write(ready_in_child, b"x")

        os.write(ready_in_child, b"x")
        signals.wait_for_end(count)
        os._exit(10 + len(calls))
    os.read(ready, 1)
    act(pid, ready, master)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    for descriptor in (ready, ready_in_child):
        os.close(descriptor)
    return code


def hang_up_twice_and_stop(pid: int, ready: int, master: int) -> None:
    for _ in range(2):
        os.kill(pid, signal.SIGHUP)
        os.read(ready, 1)
    os.kill(pid, signal.SIGTERM)
    if master >= 0:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        os.close(master)


def test_each_hangup_is_passed_on_and_sigterm_ends_the_wait() -> None:
    assert exit_code(hang_up_twice_and_stop, terminal=False) == 12
    assert exit_code(hang_up_twice_and_stop, terminal=True) == 12


def test_a_closed_terminal_ends_the_daemon() -> None:
    assert exit_code(lambda pid, ready, master: os.close(master), terminal=True) == 10

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from daemon.demo import supervisor
from daemon.demo.supervisor import Supervisor, tail

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(15, signal.SIG_IGN);"
    " print('up', flush=True); time.sleep(600)"
)


@pytest.fixture
def make(tmp_path):
    made = []

    def build(script, stop_s=5.0):
        child = Supervisor(
            name="the child",
            command=[sys.executable, "-c", script],
            environment=os.environ,
            folder=tmp_path,
            log_file=tmp_path / "child.log",
            stop_s=stop_s,
        )
        made.append(child)
        child.start()
        return child

    yield build
    for child in made:
        child.stop()


def _until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_child_is_started_again(make):
    child = make(SLEEPER)
    _until(lambda: child.pid)
    first = child.pid
    os.kill(first, signal.SIGKILL)
    _until(lambda: child.pid not in (None, first))
    assert child.starts == 2


def test_a_child_that_is_killed_again_and_again_is_not_given_up(make, monkeypatch):
    monkeypatch.setattr(supervisor, "MAX_QUICK_EXITS", 2)
    child = make(SLEEPER)
    for starts in range(1, 4):
        _until(lambda starts=starts: child.starts == starts and child.pid)
        os.kill(child.pid, signal.SIGKILL)
    _until(lambda: child.starts == 4 and child.pid)
    assert child.gave_up == ""


def test_a_stopped_child_is_gone_and_stays_gone(make):
    child = make(SLEEPER)
    _until(lambda: child.pid)
    pid = child.pid
    child.stop()
    assert not _exists(pid)
    assert child.pid is None
    assert child.starts == 1


def test_a_child_that_ignores_the_request_is_killed(make):
    child = make(STUBBORN, stop_s=0.3)
    _until(lambda: "up" in tail(child.log_file))
    pid = child.pid
    child.stop()  # would last as long as the child, whose sleep takes minutes
    assert not _exists(pid)


def test_a_child_that_cannot_live_is_given_up_with_its_exit_code(make, monkeypatch):
    monkeypatch.setattr(supervisor, "POLL_S", 0.01)
    child = make("import sys; print('no luck'); sys.exit(7)")
    _until(lambda: child.gave_up)
    assert "the child ended 5 times" in child.gave_up
    assert "last with 7" in child.gave_up
    assert tail(child.log_file, lines=2).splitlines() == ["no luck", "no luck"]


def test_stopping_before_the_start_does_nothing(tmp_path):
    child = Supervisor(
        name="never started",
        command=["true"],
        environment={},
        folder=tmp_path,
        log_file=tmp_path / "log",
        stop_s=1,
    )
    child.stop()
    assert tail(child.log_file) == "(there is no log)"

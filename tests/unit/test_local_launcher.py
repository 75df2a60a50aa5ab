from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from daemon.launchers.local import LocalLauncher, child_environment
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainRequest
from tests.fakes.child_process import running

FAKE = "tests.fakes.learner"


@pytest.fixture
def launcher() -> Iterator[LocalLauncher]:
    launcher = LocalLauncher(module=FAKE)
    yield launcher
    launcher.stop()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "1.png"
    Image.new("L", (4, 4)).save(path)
    return path


def until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not ready():
        assert time.monotonic() < deadline, "it did not happen within 120 s"
        time.sleep(0.02)


def training(picture: Path) -> TrainRequest:
    return TrainRequest(
        classes=("a", "b"), labeled=(LabeledFile(id=1, image=picture, mask=picture),)
    )


def test_a_child_dies_with_a_daemon_that_is_killed(
    tmp_path: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_LEARNER_SECONDS", "600")
    run = RunFolder(tmp_path / "run")
    run.write_request(training(picture))
    code = f"""
        import time
        from pathlib import Path
        from daemon.launchers.local import LocalLauncher
        from daemon.runs.run_folder import RunFolder
        launcher = LocalLauncher(module={FAKE!r})
        launcher.advance(RunFolder(Path({str(run.path)!r})), "train")
        time.sleep(600)
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    until(lambda: run.progress_file.exists())

    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()

    until(lambda: run.holder() is None)
    assert not run.finished()


def test_a_run_that_another_process_holds_is_waited_for(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    code = (
        "import sys, time; from pathlib import Path; from daemon.runs.run_folder import RunFolder\n"
        f"with RunFolder(Path({str(tmp_path)!r})).locked():\n    print(flush=True); time.sleep(600)"
    )
    with running([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        clock = iter([0.0, 1.0, 2.0, 40.0])
        launcher = LocalLauncher(module=FAKE, monotonic=lambda: next(clock))

        assert not launcher.advance(run, "train")
        assert holder.poll() is None
        assert not launcher.advance(run, "train")  # after 40 s it is ended

        assert holder.wait(120) == -signal.SIGKILL


def test_no_secret_reaches_a_child() -> None:
    environment = {"LABEL_STUDIO_API_KEY": "x", "MY_TOKEN": "x", "DB_PASSWORD": "x", "PATH": "/bin"}

    assert child_environment(environment).keys() == {
        "PATH",
        "MASKLOOP_PARENT_STDIN",
        "PYTHONUNBUFFERED",
    }

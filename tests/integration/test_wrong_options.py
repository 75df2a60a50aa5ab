"""Options of `train` and `demo` that cannot be, and interrupts at any moment: never a traceback."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.runs.run_folder import RunFolder
from tests.fakes.command import TRACEBACK, assert_said, run_command, started
from tests.integration.workbench import configured, paint


@pytest.fixture
def home(tmp_path: Path) -> Path:
    paint(tmp_path, images=12)
    configured(tmp_path)
    return tmp_path


TRAIN: dict[str, tuple[list[str], Callable[[Path], object], str]] = {
    "out is a file": (["--out", "config.toml"], lambda home: None, "--out.*File exists"),
    "out below a file": (["--out", "config.toml/x"], lambda home: None, "--out.*Not a directory"),
    "no images": (["--images", "nowhere"], lambda home: None, "nowhere: no such folder"),
    "images is a file": (["--images", "config.toml"], lambda home: None, "no such folder"),
    "no list": (["--test", "none.txt"], lambda home: None, "--test none.txt: cannot be read"),
    "a folder as list": (["--test", "images"], lambda home: None, "--test images: cannot be read"),
    "bytes as list": (["--test", "images/field00.png"], lambda home: None, "no UTF-8 text"),
    "a wrong rate": (["--set", "learning_rate=-1.0"], lambda home: None, "expected a number above"),
    "endless": (
        ["--max-seconds", "inf"],
        lambda home: None,
        "--max-seconds inf: expected a number",
    ),
    "no classes": (["--classes", "images/field00.png"], lambda home: None, "no UTF-8 text"),
    "torn folder": ([], lambda home: torn(home / "out"), "experiment.json: cannot be read"),
}


def torn(folder: Path) -> None:
    folder.mkdir()
    (folder / "experiment.json").write_text("{")


@pytest.mark.parametrize("name", TRAIN)
def test_a_training_that_cannot_be_is_refused(home: Path, name: str) -> None:
    words, make, said = TRAIN[name]
    make(home)
    (home / "test.txt").write_text("field00\n")
    usual = {"--images": "images", "--masks": "masks", "--labeled": "4", "--unlabeled": "all",
             "--test": "test.txt", "--out": "out"}  # fmt: skip
    given = usual | dict(zip(words[::2], words[1::2], strict=True))

    done = run_command("train", *[word for pair in given.items() for word in pair], folder=home)

    assert_said(done, said)


@pytest.mark.parametrize("options", [["--pace", "nan"], ["--port", "70000"], ["--dir", "$NONE/x"],
                                     ["--cycles", "-1"], ["--splits", "x.json"]])  # fmt: skip
def test_a_demo_that_cannot_be_is_refused(home: Path, options: list[str]) -> None:
    done = run_command("demo", *options, folder=home)

    assert_said(done, options[0])


def our_start_has_begun(pid: int) -> bool:
    """Whether Python's own start is over, where Ctrl-C gives a traceback.

    Python ignores SIGPIPE and then catches SIGINT. Our start takes that handler away while it loads
    the command line, numpy among it, and sets it again: who looks late finds numpy.
    """
    words = Path(f"/proc/{pid}/status").read_text().split()
    ignored, caught = (int(words[words.index(name) + 1], 16) for name in ("SigIgn:", "SigCgt:"))
    if ignored >> (signal.SIGPIPE - 1) & 1 and not caught >> (signal.SIGINT - 1) & 1:
        return True
    return "/numpy/" in Path(f"/proc/{pid}/maps").read_text()


def wait_for(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.mark.parametrize("after_s", [0.0, 0.3, 1.0, 3.0])
def test_an_interrupt_ends_a_command_quietly_at_any_moment(home: Path, after_s: float) -> None:
    configured(home, web={"enabled": True, "port": 0})
    process = started("web", folder=home)
    wait_for(lambda: our_start_has_begun(process.pid))
    time.sleep(after_s)
    process.send_signal(signal.SIGINT)

    out, err = process.communicate(timeout=120)

    assert process.returncode in (-signal.SIGINT, 130, 0)
    assert TRACEBACK not in out + err


def test_an_interrupt_of_once_is_said_and_leaves_no_process(home: Path) -> None:
    process = started("once", folder=home)
    run = RunFolder(home / "state/runs/0000-embed")
    wait_for(lambda: run.holder() is not None or run.finished())
    process.send_signal(signal.SIGINT)

    _, err = process.communicate(timeout=120)

    assert process.returncode == 130
    assert "maskloop: stopped" in err
    assert TRACEBACK not in err
    assert run.holder() is None

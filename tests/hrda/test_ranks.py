"""Two real processes on gloo, as torchrun starts them, against one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from daemon.demo.ports import free_port
from daemon.domain.errors import ConfigError
from daemon.hrda.distributed import SINGLE_PROCESS, Ranks
from daemon.hrda.train import check
from daemon.launchers.local import LocalLauncher
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainResult
from daemon.runs.run_process import DONE, STOPPED
from tests.hrda.ranks_child import gradients
from tests.hrda.test_process import files, threads, train_request, wait_until
from tests.hrda.tiny import tiny

__all__ = ["files", "threads"]


PATIENCE_S = 400


def start_two(*arguments: str, log: Path) -> list[subprocess.Popen[bytes]]:
    """Both processes with the environment that torchrun gives."""
    together = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    with log.open("ab") as output:
        return [
            subprocess.Popen(
                [sys.executable, "-m", *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **together, "RANK": str(rank), "LOCAL_WORLD_SIZE": "2"},
            )
            for rank in range(2)
        ]


def ends(children: list[subprocess.Popen[bytes]], log: Path) -> list[int]:
    try:
        return [child.wait(PATIENCE_S) for child in children]
    finally:
        for child in children:
            child.kill()
        print(log.read_text())  # noqa: T201 - shown where the test fails


def test_each_position_of_a_minibatch_belongs_to_one_process() -> None:
    shares = [list(Ranks(rank, 3).positions(7)) for rank in range(3)]

    assert shares == [[0, 1], [2, 3], [4, 5, 6]]
    assert list(SINGLE_PROCESS.positions(7)) == list(range(7))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of the processes found."""
    folder = tmp_path_factory.mktemp("two")
    log = folder / "log.txt"
    assert ends(start_two("tests.hrda.ranks_child", str(folder), log=log), log) == [0, 0]
    return [torch.load(folder / f"{rank}.pth", weights_only=True) for rank in range(2)]


def test_the_gradients_of_two_processes_are_those_of_one(two: list[dict[str, Any]]) -> None:
    one = gradients(SINGLE_PROCESS)

    for found in two:
        assert len(found["gradients"]) == len(one)
        gaps = [(a - b).abs().max() for a, b in zip(one, found["gradients"], strict=True)]
        assert max(gaps) < 1e-5
    assert max(float(a.abs().max()) for a in one) > 1e-3


def test_processes_stay_equal_to_the_bit_and_skip_together(two: list[dict[str, Any]]) -> None:
    one, other = two

    assert one["skipped"] == other["skipped"] == 1  # the loss was not finite in one of them
    for part in ("student", "teacher"):
        assert all(torch.equal(tensor, other[part][name]) for name, tensor in one[part].items())
    assert all(torch.equal(a, b) for a, b in zip(one["shares"], other["shares"], strict=True))


@pytest.mark.long
def test_a_training_of_two_processes_stops_saves_and_goes_on(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_request(train_request(files, iterations=150, save_every_s=1e9))
    children = start_two("daemon.hrda", "train", str(folder.path), log=folder.log)
    wait_until(lambda: (p := folder.read_progress()) and p.step > 0, "the first iteration")

    children[1].send_signal(signal.SIGTERM)  # of one process only

    assert ends(children, folder.log) == [STOPPED, STOPPED]
    assert folder.resume.exists()
    assert not folder.error_file.exists()

    again = start_two("daemon.hrda", "train", str(folder.path), log=folder.log)
    assert ends(again, folder.log) == [DONE, DONE]
    assert folder.read_result(TrainResult).iterations == 150
    assert folder.log.read_text().count("resumed file=resume.pth") == 2


def test_a_minibatch_smaller_than_the_processes_is_refused(files: list[LabeledFile]) -> None:
    request = train_request(files)

    with pytest.raises(ConfigError, match="a place for each of the 3 processes"):
        check(tiny(minibatch=2), request, Ranks(rank=0, size=3))


@pytest.mark.long
def test_a_launcher_may_start_several_processes_and_stops_them(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_request(train_request(files, iterations=10_000, save_every_s=1e9))
    launcher = LocalLauncher(processes=2)
    launcher.advance(folder, "train")
    wait_until(lambda: (p := folder.read_progress()) and p.step > 0, "the first iteration")

    launcher.stop()

    assert folder.resume.exists()
    assert folder.holder() is None
    assert folder.log.read_text().count("stopped: ") == 2

"""Two real processes on gloo, as torchrun starts them, against one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from daemon.hrda.__main__ import DONE, HELD, STOPPED, main
from daemon.hrda.distributed import ALONE, Ranks
from daemon.runs import LabeledFile, RunFolder, TrainResult
from tests.hrda.ranks_child import gradients
from tests.hrda.test_process import files, threads, train_request, wait_until

__all__ = ["files", "threads"]


def start_two(*arguments: str, log: Path) -> list[subprocess.Popen[bytes]]:
    """Both processes with the environment that torchrun gives."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    together = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    return [
        subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=log.open("ab"),
            stderr=subprocess.STDOUT,
            env={**os.environ, **together, "RANK": str(rank), "LOCAL_WORLD_SIZE": "2"},
        )
        for rank in range(2)
    ]


def ends(children: list[subprocess.Popen[bytes]], log: Path) -> list[int]:
    try:
        return [child.wait(120) for child in children]
    finally:
        for child in children:
            child.kill()
        print(log.read_text())  # noqa: T201 - shown where the test fails


def test_each_place_of_a_minibatch_belongs_to_one_process() -> None:
    shares = [list(Ranks(rank, 3).share(7)) for rank in range(3)]

    assert shares == [[0, 1], [2, 3], [4, 5, 6]]
    assert list(ALONE.share(7)) == list(range(7))


def test_the_gradients_of_two_processes_are_those_of_one(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"

    assert ends(start_two("tests.hrda.ranks_child", "gradients", str(tmp_path), log=log), log) == [
        0,
        0,
    ]

    one = gradients(ALONE)
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pth", weights_only=True)
        assert len(found) == len(one)
        assert all((a - b).abs().max() < 1e-5 for a, b in zip(one, found, strict=True))
    assert max(float(a.abs().max()) for a in one) > 1e-3


def test_processes_stay_equal_to_the_bit_and_skip_together(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"

    assert ends(start_two("tests.hrda.ranks_child", "trained", str(tmp_path), log=log), log) == [
        0,
        0,
    ]

    one, two = (torch.load(tmp_path / f"{rank}.pth", weights_only=True) for rank in range(2))
    assert one["skipped"] == two["skipped"] == 1
    for part in ("student", "teacher"):
        assert all(torch.equal(tensor, two[part][name]) for name, tensor in one[part].items())
    assert all(torch.equal(a, b) for a, b in zip(one["shares"], two["shares"], strict=True))


def test_a_training_of_two_processes_stops_saves_and_goes_on(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_request(train_request(files, iterations=30, save_every_s=1e9))
    children = start_two("daemon.hrda", "train", str(folder.path), log=folder.log)
    wait_until(lambda: (p := folder.read_progress()) and p.step > 0, "the first iteration")

    children[1].send_signal(signal.SIGTERM)  # of one process only

    assert ends(children, folder.log) == [STOPPED, STOPPED]
    assert folder.resume.exists()
    assert not folder.error_file.exists()

    again = start_two("daemon.hrda", "train", str(folder.path), log=folder.log)
    assert ends(again, folder.log) == [DONE, DONE]
    assert folder.read_result(TrainResult).iterations == 30
    assert folder.log.read_text().count("resumed file=resume.pth") == 2


def test_too_few_places_are_told(files: list[LabeledFile], tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_request(train_request(files, minibatch=1, unlabeled_minibatch=1))

    codes = ends(start_two("daemon.hrda", "train", str(folder.path), log=folder.log), folder.log)

    assert codes == [2, 2]
    assert (
        "a place for each of the 2 processes"
        in json.loads(folder.error_file.read_text())["message"]
    )


@pytest.mark.usefixtures("threads")
def test_a_folder_that_another_process_holds_is_refused(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_request(train_request(files))
    with folder.locked():
        assert main(["train", str(folder.path)]) == HELD

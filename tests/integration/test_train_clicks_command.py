"""`maskloop train-clicks` on a labeled folder, with the quick learner."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.click_networks.network_options import add_options, read_options
from daemon.experiment.click_networks.network_training import run_network_training
from daemon.runs.click_records import TrainClicksRequest
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainRequest
from tests.fakes import learner
from tests.hrda.tiny import field

COLOURS = [[120, 90, 60], [60, 160, 60], [60, 60, 200]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six images with masks, and a model that was trained on the first."""
    for name in ("images", "masks", "train"):
        (tmp_path / name).mkdir()
    for number in range(6):
        image, mask = field(np.random.default_rng(number), 64)
        Image.fromarray(image).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
    (tmp_path / "held.txt").write_text("4\n5\n")
    run = RunFolder(tmp_path / "train")
    first = LabeledFile(id=0, image=tmp_path / "images/0.png", mask=tmp_path / "masks/0.png")
    run.write_request(TrainRequest(classes=("soil", "crop", "weed"), labeled=(first,)))
    run.checkpoint.write_text(json.dumps(COLOURS))
    return tmp_path


def trained(folder: Path, *further: str) -> tuple[TrainClicksRequest, str]:
    parser = argparse.ArgumentParser()
    add_options(parser)
    given = ["--images", str(folder / "images"), "--masks", str(folder / "masks")]
    given += ["--out", str(folder / "out"), "--classes", "soil,crop,weed", *further]
    screen = Console(file=io.StringIO(), width=200)

    def in_this_process(run: RunFolder, command: str) -> None:
        if not run.finished():
            learner.COMMANDS[command](run)

    options = read_options(parser.parse_args(given))
    assert run_network_training(options, screen, screen, in_this_process) == 0
    printed = screen.file
    assert isinstance(printed, io.StringIO)
    request = RunFolder(folder / "out" / "train-clicks").read_request(TrainClicksRequest)
    return request, printed.getvalue()


def test_the_model_shows_images_that_it_did_not_learn_from(folder: Path) -> None:
    model = str(folder / "train" / "checkpoint.pth")

    request, printed = trained(
        folder, "--model", model, "--validation", str(folder / "held.txt"), "--minutes", "0.5"
    )

    assert [file.id for file in request.labeled] == [0, 1, 2, 3]
    assert [file.prior is None for file in request.labeled] == [True, False, False, False]
    assert [file.id for file in request.validation] == [4, 5]
    assert all(file.prior is not None for file in request.validation)
    assert request.max_seconds == 30
    assert "4 labels" in printed
    assert (folder / "out" / "result.json").exists()


def test_another_training_in_the_same_folder_is_refused(folder: Path) -> None:
    trained(folder)

    with pytest.raises(ExperimentRefused, match="another training"):
        trained(folder, "--seed", "1")


def test_wrong_options_are_all_said(folder: Path) -> None:
    with pytest.raises(ExperimentRefused, match=r"--minutes 0\.0.*--seed -1.*--model nothing"):
        trained(folder, "--minutes", "0", "--seed", "-1", "--model", "nothing.pth")


def test_a_model_whose_training_is_unknown_gives_no_priors(folder: Path) -> None:
    (folder / "train" / "request.json").unlink()

    with pytest.raises(ExperimentRefused, match="nobody knows what it was trained on"):
        trained(folder, "--model", str(folder / "train" / "checkpoint.pth"))

"""Encoders of mmseg's registry and of an admin's own module."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from daemon.domain.errors import ConfigError
from daemon.hrda.__main__ import main
from daemon.hrda.network.encoders import build_encoder, encoder_spec
from daemon.hrda.network.memory_format import memory_format_of
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainResult
from daemon.runs.run_process import DONE, MEMORY
from tests.hrda.test_process import error_of, files, threads, train_request
from tests.hrda.tiny import learner, minibatch, tiny

__all__ = ["files", "threads"]

RESNET = {"encoder": "ResNetV1c", "encoder_config": '{"depth": 18, "base_channels": 8}'}

# The admin's module. It refuses minibatches over MOST in training, as a small machine would.
OWN = """
import os

import torch
from mmseg.registry import MODELS
from torch import nn


@MODELS.register_module()
class ThreeLines(nn.Module):
    mean, std = (100.0, 100.0, 100.0), (50.0, 50.0, 50.0)

    def __init__(self, width=8):
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Conv2d(a, b, k, stride=k)
            for a, b, k in ((3, width, 4), (width, width, 2), (width, width, 2), (width, 16, 2))
        )

    def forward(self, x):
        if self.training and len(x) > int(os.environ.get("MOST", "99")):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.")
        maps = []
        for stage in self.stages:
            x = torch.relu(stage(x))
            maps.append(x)
        return maps
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the admin's module."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "lines_of_ours.py").write_text(OWN)
    return folder


def own_run(files: list[LabeledFile], folder: Path) -> RunFolder:
    run = RunFolder(folder)
    run.write_request(
        train_request(files, encoder="ThreeLines", encoder_module="lines_of_ours", minibatch=4)
    )
    return run


def test_a_network_of_mmsegs_registry_is_built_by_its_name() -> None:
    kind = encoder_spec(tiny(**RESNET))
    resnet = learner(**RESNET, unlabeled_start=0.0, unlabeled_ramp=0.0)

    report = resnet.step(minibatch(), 0)

    assert kind.channels == (8, 16, 32, 64)
    assert kind.mean == pytest.approx((123.675, 116.28, 103.53))
    assert resnet.skipped == 0
    assert "mixed_fused" in report


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoder": "NoSuchNet"}, "or a name in mmseg's registry"),
        ({"encoder": "ResNetV1c", "encoder_config": "{"}, "is no JSON"),
        ({"encoder": "ResNetV1c", "encoder_config": "[1]"}, "expected a JSON object"),
        ({"encoder": "ResNetV1c", "encoder_config": '{"deep": 1}'}, "cannot be built"),
        (
            {
                "encoder": "ResNetV1c",
                "encoder_config": json.dumps(
                    {"depth": 18, "strides": [1, 2, 1, 1], "base_channels": 4}
                ),
            },
            "at strides 4, 8, 16 and 32",
        ),
        ({"encoder": "X", "encoder_module": "no_such_module_of_ours"}, "put its folder on"),
    ],
)
def test_an_unsuitable_encoder_is_refused(change: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        build_encoder(tiny(**change))


def test_an_encoder_of_your_own_trains_and_short_memory_halves_the_minibatch(
    files: list[LabeledFile], own: Path, tmp_path: Path
) -> None:
    run = own_run(files, tmp_path)

    with run.log.open("ab") as log:
        code = subprocess.call(
            [sys.executable, "-m", "daemon.hrda", "train", str(run.path)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(own), "MOST": "2"},
        )

    assert code == DONE, run.log.read_text()
    counters = run.read_result(TrainResult).counters
    assert counters == {"skipped": 0, "halved": 2, "crops_at_once": 1}
    content = torch.load(run.checkpoint, weights_only=True)
    assert content["settings"]["encoder_module"] == "lines_of_ours"


def test_a_single_crop_that_does_not_fit_is_an_error(
    files: list[LabeledFile], own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = own_run(files, tmp_path)
    monkeypatch.syspath_prepend(own)
    monkeypatch.setenv("MOST", "0")

    assert main(["train", str(run.path)]) == MEMORY

    assert error_of(run)["kind"] == "memory"
    assert "not even one crop at a time fits" in error_of(run)["message"]
    assert not run.finished()


def test_a_module_that_was_written_for_other_import_paths_is_told_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lines_of_old.py").write_text("from daemon.errors import ConfigError\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ConfigError, match=r"lines_of_old.*daemon\.domain\.errors now"):
        encoder_spec(tiny(encoder="ThreeLines", encoder_module="lines_of_old"))


def test_a_strided_pointwise_convolution_of_few_channels_keeps_the_usual_memory_format() -> None:
    few, more = (torch.nn.Conv2d(channels, 16, 1, stride=2) for channels in (4, 8))

    assert memory_format_of(torch.nn.Sequential(more)) is torch.channels_last
    assert memory_format_of(torch.nn.Sequential(more, few)) is torch.contiguous_format

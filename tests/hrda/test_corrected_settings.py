"""Corrected settings and the real learner: what fits a parent, and a device that is absent."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from daemon.config.learner import NETWORK, Settings, fields_of_settings
from daemon.config.loading import load_config
from daemon.domain.errors import RunFailed
from daemon.hrda.network.hrda import build_segmentor
from daemon.hrda.training.checkpoint import warm_start, write_checkpoint
from daemon.runs.run_folder import EmbedRequest, RunFolder
from tests.fakes.status_json import status_json
from tests.hrda.tiny import CLASSES, segmentor, tiny
from tests.integration.workbench import configured, paint

OTHER = {
    "architecture": "segformer",
    "encoder": "mit_b0",
    "width": 16,
    "fusion": "aspp",
    "attention_classwise": False,
    "detail_boxes": "published",
    "fixed_attention": 0.5,
    "optimizer": "sgd",
    "precision": "bf16",
}
NOT_TRIED = {"preset", "method", "encoder_config", "encoder_module"}  # words about other settings


def shapes(settings: Settings) -> dict[str, torch.Size]:
    net = build_segmentor(settings, len(CLASSES))
    return {name: tensor.shape for name, tensor in net.state_dict().items()}


def test_the_settings_of_the_network_are_those_that_shape_it() -> None:
    usual, base = tiny(), shapes(tiny())
    tried = {name: value for name, value in OTHER.items() if name not in NOT_TRIED}
    shaping = {
        name for name, value in tried.items() if shapes(replace(usual, **{name: value})) != base
    }

    assert shaping == set(NETWORK) & tried.keys()
    assert set(NETWORK) - tried.keys() <= NOT_TRIED
    assert set(NETWORK) <= fields_of_settings().keys()


def test_a_renamed_class_takes_its_rows_along(tmp_path: Path) -> None:
    parent, child = segmentor(1), segmentor(2)
    write_checkpoint(tmp_path / "parent.pth", parent, CLASSES)
    now = ("soil", "sugar beet", "weed")

    new = warm_start(child, tmp_path / "parent.pth", (*now,), parent_classes=now)

    assert new == []
    assert torch.equal(child.decoder.conv_seg.weight, parent.decoder.conv_seg.weight)
    with pytest.raises(RunFailed, match="expected a name for each"):
        warm_start(child, tmp_path / "parent.pth", now, parent_classes=("soil",))


@pytest.mark.long
def test_a_device_that_is_absent_is_corrected_between_two_calls_of_once(tmp_path: Path) -> None:
    paint(tmp_path, images=8)
    configured(tmp_path, training={"device": "cuda:99", "threads": 1})
    command = [sys.executable, "-m", "daemon.cli", "--config", str(tmp_path / "config.toml")]

    refused = subprocess.run([*command, "once"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "device = 'cuda:99': this machine has" in refused.stderr
    assert "Traceback" not in refused.stderr
    path = tmp_path / "config.toml"
    path.write_text(path.read_text().replace("cuda:99", "cpu"))
    done = subprocess.run(
        [*command, "once", "--cycles", "0"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    run = RunFolder(tmp_path / "state/runs/0000-embed")
    assert run.finished()
    assert run.read_request(EmbedRequest).device == "cpu"
    words = [event["message"] for event in status_json(load_config(path))["events"]]
    assert any("[training] device 'cuda:99' -> 'cpu'" in event for event in words)

"""The encoders and their weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from daemon.config.learner import Settings
from daemon.domain.errors import ConfigError
from daemon.hrda.network.encoders import ENCODERS, build_encoder, load_imagenet
from tests.hrda.tiny import learner, minibatch, tiny

MIT = tiny(encoder="mit_b0")


def mit_from(file: Path) -> Settings:
    return tiny(encoder="mit_b0", encoder_weights=str(file))


@pytest.mark.parametrize("name", ["efficientnet_lite0", "mit_b0"])
def test_encoders_give_four_strides(name: str) -> None:
    encoder = build_encoder(tiny(encoder=name)).eval()

    with torch.no_grad():
        features = encoder(torch.rand(1, 3, 64, 96))

    sizes = [(x.shape[1], *x.shape[2:]) for x in features]
    strides = zip(ENCODERS[name].channels, (4, 8, 16, 32), strict=True)
    assert sizes == [(channels, 64 // stride, 96 // stride) for channels, stride in strides]


def test_imagenet_weights_fill_the_encoder() -> None:
    encoder = build_encoder(tiny())
    before = encoder.state_dict()["stem.weight"].clone()

    load_imagenet(encoder, tiny(encoder_weights=""))

    assert not torch.equal(before, encoder.state_dict()["stem.weight"])


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save(build_encoder(tiny()).state_dict(), tmp_path / "other.pth")

    with pytest.raises(ConfigError, match=r"of the \d+ tensors of mit_b0"):
        load_imagenet(build_encoder(MIT), mit_from(tmp_path / "other.pth"))


def test_weights_of_a_file_with_the_prefix_of_mmseg_are_taken(tmp_path: Path) -> None:
    source, target = build_encoder(MIT), build_encoder(MIT)
    tensors = {f"backbone.{name}": tensor for name, tensor in source.state_dict().items()}
    torch.save({"state_dict": tensors}, tmp_path / "mit.pth")

    load_imagenet(target, mit_from(tmp_path / "mit.pth"))

    for name, tensor in source.state_dict().items():
        assert torch.equal(tensor, target.state_dict()[name])


def test_a_mix_transformer_takes_a_step() -> None:
    mit = learner(encoder="mit_b0", fusion="sepaspp", unlabeled_start=0.0, unlabeled_ramp=0.0)
    before = {name: p.clone() for name, p in mit.student.named_parameters()}

    report = mit.step(minibatch(), 0)

    assert all(np.isfinite(value) for value in report.values())
    moved = [name for name, p in mit.student.named_parameters() if not torch.equal(p, before[name])]
    assert any(name.startswith("encoder.") for name in moved)
    assert any(name.startswith("attention.") for name in moved)

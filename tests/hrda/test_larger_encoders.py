"""EfficientNet-Lite1 and Lite2: their maps, and their weights where the packages are installed."""

from __future__ import annotations

import pytest
import torch

from daemon.domain.errors import ConfigError
from daemon.hrda.network.encoders import ENCODERS, build_encoder, load_imagenet
from daemon.hrda.network.weights import PACKAGES, packaged_weights
from tests.hrda.tiny import tiny

LARGER = ("efficientnet_lite1", "efficientnet_lite2")


@pytest.mark.parametrize("name", LARGER)
def test_larger_encoders_give_four_strides(name: str) -> None:
    encoder = build_encoder(tiny(encoder=name)).eval()

    with torch.no_grad():
        features = encoder(torch.rand(1, 3, 64, 96))

    sizes = [(x.shape[1], *x.shape[2:]) for x in features]
    strides = zip(ENCODERS[name].channels, (4, 8, 16, 32), strict=True)
    assert sizes == [(channels, 64 // stride, 96 // stride) for channels, stride in strides]


@pytest.mark.parametrize("name", LARGER)
def test_their_imagenet_weights_fill_every_tensor(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip(PACKAGES[name][0], reason="install maskloop[encoders] to run this")
    encoder = build_encoder(tiny(encoder=name))
    before = {key: tensor.clone() for key, tensor in encoder.state_dict().items()}

    with caplog.at_level("INFO"):
        load_imagenet(encoder, tiny(encoder=name, encoder_weights=""))

    after = encoder.state_dict()
    assert f"matched={len(after)} of={len(after)}" in caplog.text
    weights = [key for key, tensor in after.items() if tensor.is_floating_point()]
    assert not any(torch.equal(after[key], before[key]) for key in weights)


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGES, "efficientnet_lite1", ("efficientnet_lite_absent", "File"))

    with pytest.raises(ConfigError, match=r"efficientnet-lite-absent, is not installed; install"):
        packaged_weights("efficientnet_lite1")

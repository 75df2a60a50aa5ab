"""The mean view of mirrored and turned copies of an image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from daemon.hrda.inference.averaged_views import averaged_predictions, copies_of
from daemon.hrda.inference.whole_images import predict_image
from daemon.hrda.network.segmentor import Segmentor
from tests.hrda.tiny import field, segmentor, several_classes


def net_of(seed: int = 0, **changes: Any) -> Segmentor:
    return several_classes(segmentor(seed, **changes).requires_grad_(False).eval())


def picture(height: int, width: int) -> np.ndarray:
    return field(np.random.default_rng(3), max(height, width))[0][:height, :width]


def view(net: Segmentor, image: np.ndarray, copies: int) -> torch.Tensor:
    """(C, H, W) mean probabilities."""
    return averaged_predictions(net, [image], copies=copies)[0].probability()


def test_one_copy_is_the_prediction_of_the_image_itself() -> None:
    net, image = net_of(), picture(50, 35)

    (found,) = averaged_predictions(net, [image], copies=1, temperature=2.0)

    own = predict_image(net, image)
    assert found.probability().shape == (3, 50, 35)
    assert torch.allclose(found.logits.exp(), (own.logits / 2.0).softmax(dim=0), atol=1e-6)
    assert (found.embedding == own.embedding).all()


@pytest.mark.parametrize(
    ("framing", "size"), [("native", (64, 64)), ("native", (52, 100)), ("fit", (32, 64))]
)
def test_all_copies_of_a_turned_image_give_the_turned_view(
    framing: str, size: tuple[int, int]
) -> None:
    net = net_of(framing=framing)
    image = picture(*size)
    plain = view(net, image, 8)

    for quarters, mirrored in ((1, False), (2, True), (0, True)):
        turned = np.rot90(image, quarters)
        turned = np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)
        found = view(net, turned, 8)
        wanted = torch.rot90(plain, quarters, (1, 2))
        assert torch.allclose(found, wanted.flip(2) if mirrored else wanted, atol=1e-4)

    assert not torch.allclose(plain, view(net, image, 1), atol=1e-2)


def test_the_view_is_the_mean_of_probabilities() -> None:
    net, image = net_of(turns="mirror"), picture(64, 64)

    (found,) = averaged_predictions(net, [image], copies=8, temperature=2.0)

    mirrored = np.ascontiguousarray(image[:, ::-1])
    straight = (predict_image(net, image).logits / 2).softmax(dim=0)
    other = (predict_image(net, mirrored).logits / 2).softmax(dim=0).flip(2)
    assert torch.allclose(found.logits.exp(), (straight + other) / 2, atol=1e-5)


@pytest.mark.parametrize("size", [(50, 35), (1, 70), (67, 64)])
def test_sides_that_are_no_whole_cells_keep_their_size(size: tuple[int, int]) -> None:
    found = averaged_predictions(net_of(), [picture(*size)] * 2, copies=8)

    for one in found:
        assert one.size == size
        assert one.probability().shape == (3, *size)
        assert torch.allclose(one.probability().sum(dim=0), torch.ones(size), atol=1e-5)


@pytest.mark.parametrize(("turns", "count"), [("none", 1), ("mirror", 2), ("square", 8)])
def test_a_model_is_only_asked_about_copies_of_its_training(turns: str, count: int) -> None:
    net = segmentor(turns=turns)

    assert len(copies_of(net, 8)) == len(set(copies_of(net, 8))) == count
    assert copies_of(net, 1) == copies_of(net, 8)[:1]

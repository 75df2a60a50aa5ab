"""Each measure of a pass of images against its slow version, and where there is nothing to see."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from daemon.hrda.inference.last_layer import gradients, projected
from daemon.hrda.inference.measures import (
    Cells,
    border,
    class_share,
    divergence,
    largest_mean,
    objects,
    uncertainties,
)
from tests.hrda.plain import measures as plain
from tests.hrda.tiny import segmentor, spread

SIZES = [(1, 1), (1, 7), (24, 19)]


def random_logits(classes: int, size: tuple[int, int], images: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(classes)
    return 3 * torch.randn(images, classes, *size, generator=generator)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("classes", [1, 2, 5])
@pytest.mark.parametrize("temperature", [1.0, 2.3])
def test_every_measure_agrees_with_its_slow_version(
    size: tuple[int, int], classes: int, temperature: float
) -> None:
    logits = random_logits(classes, size)
    logits[1] -= 9 * torch.arange(classes)[:, None, None]  # background only

    cells = Cells.of(logits, temperature)
    labels = cells.label.unflatten(1, size).to(torch.uint8).numpy()
    found = {
        **uncertainties(cells),
        "class_share": class_share(cells.label, classes),
        "border": border(cells.label.unflatten(1, size)),
        "objects": np.stack([objects(label, classes) for label in labels]),
    }

    for row, image in enumerate(logits.numpy()):
        p, label = plain.softmax(image, temperature), plain.labels(image)
        expected = {
            "uncertainty": plain.uncertainty(p),
            "margin": plain.margin(p),
            "least_confidence": plain.least_confidence(p),
            "foreground_uncertainty": plain.foreground_uncertainty(p, label),
            "class_uncertainty": plain.class_uncertainty(p, label),
            "class_share": plain.class_share(label, classes),
            "border": plain.border(label),
            "objects": plain.objects(label, classes),
        }
        assert set(found) == set(expected)
        for name, value in expected.items():
            assert np.allclose(found[name][row], value, atol=2e-6), name


def test_shares_and_uncertainty_are_those_of_earlier_releases_to_the_bit() -> None:
    for size in ((96, 96), (75, 61), (1, 3), (301, 200)):
        logits = random_logits(3, size)
        cells = Cells.of(logits, 1.0)
        found, share = uncertainties(cells)["uncertainty"], class_share(cells.label, 3)

        for row, image in enumerate(logits):
            log_p = image.log_softmax(dim=0)
            entropy = -(log_p.exp() * log_p).sum(dim=0).flatten() / np.log(3)
            most = entropy.topk(max(1, round(0.05 * entropy.numel()))).values
            counts = torch.bincount(image.argmax(dim=0).flatten(), minlength=3)
            assert torch.equal(found[row], most.mean().clamp(0, 1))
            assert torch.equal(share[row], counts / counts.sum())


def test_what_looks_alike_agrees_and_what_excludes_each_other_differs_by_one_bit() -> None:
    sure = torch.zeros(2, 3, 4, 4)
    sure[0, 0], sure[1, 2] = 1, 1

    assert divergence(sure, sure).tolist() == torch.zeros(2, 4, 4).tolist()
    assert torch.allclose(divergence(sure, sure.flip(0)), torch.ones(2, 4, 4))


def test_disagreement_agrees_with_its_slow_version() -> None:
    first, second = (random_logits(4, (9, 8), 2).roll(by, 1).softmax(dim=1) for by in (0, 1))

    found = largest_mean(divergence(first, second).flatten(1))

    for row in range(2):
        expected = plain.disagreement(first[row].double().numpy(), second[row].double().numpy())
        assert float(found[row]) == pytest.approx(expected, abs=2e-6)


def test_objects_that_touch_by_a_corner_are_two() -> None:
    label = np.array([[1, 0, 0], [0, 1, 2], [0, 1, 2]], np.uint8)

    assert objects(label, 4).tolist() == [2, 2, 1, 0]
    assert plain.objects(label.astype(np.int64), 4).tolist() == [2, 2, 1, 0]


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": "hrda"},
        {"architecture": "hrda", "attention_classwise": False},
        {"architecture": "hrda", "fixed_attention": 0.3},
        {"architecture": "segformer"},
    ],
)
def test_gradients_are_those_of_the_loss_of_the_predicted_labels(
    changes: dict[str, object],
) -> None:
    net = spread(segmentor(**changes))
    image = 255 * torch.rand(1, 3, 64, 128, generator=torch.Generator().manual_seed(0))

    result = net.branch_inference(image, 32, 16)
    cells = Cells.of(result.fused, 1.0)
    chosen = cells.most_uncertain
    log_p = result.fused.log_softmax(dim=1).flatten(2)
    loss = torch.nn.functional.cross_entropy(log_p[0, :, chosen[0]].T, cells.label[0, chosen[0]])
    loss.backward()  # type: ignore[no-untyped-call]

    p = cells.probability[0, :, chosen[0]].T
    slopes = p - torch.nn.functional.one_hot(cells.label[0, chosen[0]], 3)
    found = gradients(result, slopes[None], (chosen // 32, chosen % 32))
    expected = net.decoder.conv_seg.weight.grad.flatten()
    assert torch.allclose(found[0], expected, atol=1e-5 * float(expected.abs().max()))
    assert float(expected.abs().max()) > 0


def test_a_long_gradient_is_projected_and_distances_nearly_stay() -> None:
    vectors = torch.randn(20, 3000, generator=torch.Generator().manual_seed(0))

    short = projected(vectors)

    assert short.shape == (20, 256)
    assert np.allclose(short[3], plain.projected(vectors[3].double().numpy()), rtol=1e-3, atol=1e-3)
    before, after = torch.pdist(vectors), torch.pdist(short)
    assert float((after / before - 1).abs().max()) < 0.25
    assert torch.equal(projected(vectors[:, :256]), vectors[:, :256])

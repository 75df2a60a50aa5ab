"""The reference: SegFormer's head, and trainings that see labels only."""

from __future__ import annotations

import torch

from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.learning.losses import LossWeights, class_weights, cross_entropy, hrda_loss
from daemon.hrda.network.segformer import SegFormer
from daemon.hrda.network.windows import random_detail_box
from tests.hrda.tiny import learner, minibatch, segmentor


def test_its_losses_of_both_scales_are_plain_cross_entropy() -> None:
    net, crops = segmentor(method="segformer").eval(), minibatch()
    weights = class_weights(torch.tensor([0.8, 0.15, 0.05]), 0.5)

    logits = net(crops.image, random_detail_box(64, 64, 32))

    assert isinstance(net, SegFormer)
    assert logits.fused.shape == (2, 3, 16, 16)
    plain = cross_entropy(logits.fused, crops.label, weights)
    both = hrda_loss(logits, crops.label, LossWeights(detail=0.3), weights)
    assert torch.allclose(both["fused"] + both["detail"], plain)


def test_an_image_is_processed_at_full_scale_as_in_training() -> None:
    net, image = segmentor(method="segformer").eval(), minibatch().image

    with torch.no_grad():
        whole, crop = net.slide_inference(image, 32, 16), net(image, random_detail_box(64, 64, 32))

    assert torch.allclose(whole.fused, crop.fused, atol=1e-5)
    assert [tuple(x.shape[2:]) for x in whole.features] == [(16, 16), (8, 8), (4, 4), (2, 2)]
    assert torch.equal(net.features(image)[3], whole.features[3])


def test_it_has_no_parameter_that_does_not_learn() -> None:
    trained = learner(method="segformer", unlabeled_start=0.0)

    trained.step(minibatch(), 0)

    assert all(parameter.grad is not None for parameter in trained.student.parameters())


def test_supervised_is_hrda_without_unlabeled_images() -> None:
    crops = minibatch()
    without = Minibatch(
        image=crops.image,
        label=crops.label,
        unlabeled=crops.unlabeled[:0],
        valid=crops.valid[:0],
    )
    ends = []
    for method, given in (("supervised", crops), ("hrda", without), ("hrda", crops)):
        trained = learner(method=method, unlabeled_start=0.0)
        torch.manual_seed(1)
        for iteration in range(2):
            report = trained.step(given, iteration)
        ends.append((trained.teacher.net.state_dict(), report))

    supervised, alone, both = ends
    assert supervised[1] == alone[1]
    assert all(torch.equal(tensor, alone[0][name]) for name, tensor in supervised[0].items())
    assert any(not torch.equal(tensor, both[0][name]) for name, tensor in supervised[0].items())

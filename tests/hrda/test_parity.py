"""The learner with the published settings does what the plain port of the published step does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from daemon.config.learner import settings_of
from daemon.hrda.augment.class_mix import classmix_masks
from daemon.hrda.augment.strong_augmentation import strongly_augmented
from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.optimizer import set_learning_rates
from tests.hrda.plain import views
from tests.hrda.plain.learner import PlainLearner
from tests.hrda.tiny import learner, minibatch, tiny

SIDE = 128
CHANGES = {
    "encoder": "efficientnet_lite0",
    "encoder_weights": "",
    "context_px": SIDE,
    "detail_px": 64,
    "detail_window_px": 64,
    "dropout": 0.0,
    "iterations": 6,
    "warmup": 0.5,
}


def both(**changes: object) -> tuple[Learner, PlainLearner]:
    """The learner and the port with the same weights, and nothing that drops out at random."""
    one = learner(**{"preset": "paper", **CHANGES, **changes})
    one.student.load_imagenet()
    one.student.encoder.drop_connect = 0.0
    one.student.decoder.conv_seg.weight.data.mul_(100)  # sure here and there, unsure elsewhere
    one.student.attention.head.conv_seg.weight.data.mul_(30)
    one.teacher.net.load_state_dict(one.student.state_dict())
    return one, PlainLearner(one.student)


def rounded_alike() -> tuple[Learner, PlainLearner]:
    """Both with one memory format and no colour arithmetic.

    Norms over eight cells make much of the last bit: else that would be all of the difference.
    """
    ours, plain = both(jitter_chance=0.0, blur=0.0)
    for net in (plain.student, plain.teacher):
        net.memory_format = torch.channels_last
    return ours, plain


def buffers(net: nn.Module) -> list[torch.Tensor]:
    """The running statistics of the norms, in order."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    return [tensor for norm in norms for tensor in (norm.running_mean, norm.running_var)]


def crops(seed: int) -> Minibatch:
    """Two crops of each kind; one label has a cell full of crop, the other an unlabeled strip."""
    batch = minibatch(seed, side=SIDE)
    batch.label[0, :64, :64] = 1
    batch.label[1, 100:] = 255
    return batch


def tensors(net: nn.Module, plain: nn.Module, what: str) -> tuple[torch.Tensor, torch.Tensor]:
    """All weights or gradients of both, each in one row, in the same order."""
    pairs = list(zip(net.encoder.parameters(), plain.encoder.parameters(), strict=True))
    theirs = dict(plain.named_parameters())
    for name, parameter in net.named_parameters():
        if not name.startswith("encoder."):
            pairs.append((parameter, theirs[name.replace(".head.", ".")]))
    if what == "gradients":
        pairs = [(p.grad, q.grad) for p, q in pairs]
    ours, expected = zip(*pairs, strict=True)
    return torch.cat([t.flatten() for t in ours]), torch.cat([t.flatten() for t in expected])


def gap(ours: torch.Tensor, expected: torch.Tensor) -> float:
    return float((ours - expected).norm() / expected.norm())


@pytest.mark.parametrize("preset", ["paper", "supervisely"])
def test_the_losses_of_a_step_are_those_of_the_plain_port(preset: str) -> None:
    ours, plain = both(preset=preset)
    seed_all(7)
    report = ours.step(crops(0), 0)
    seed_all(7)

    expected = plain.step(crops(0), 0)

    assert set(report) - set(expected) == {"sure_0", "sure_1", "sure_2"}
    assert 0.01 < report["sure_0"] < 0.99
    assert {name: report[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert ("labeled_distance" in expected) == (preset == "paper")


def test_the_gradients_of_a_step_are_those_of_the_plain_port() -> None:
    ours, plain = rounded_alike()
    seed_all(7)
    ours.step(crops(0), 0)
    seed_all(7)

    plain.step(crops(0), 0)

    assert gap(*tensors(ours.student, plain.student, "gradients")) < 1e-5


@pytest.mark.parametrize("norms", ["batch", "ema"])
def test_pseudo_labels_and_their_weight_are_those_of_the_plain_port(norms: str) -> None:
    ours, plain = both(teacher_norms=norms)
    batch = crops(1)

    label, weight = plain.pseudo_labels(batch.unlabeled)
    said, _ = ours.pseudo_label(batch)

    assert torch.equal(said.label, label)
    assert len(label.unique()) > 1
    assert torch.allclose(said.weight, weight, atol=1e-6)
    assert 0.01 < float(weight.mean()) < 0.99


def test_after_several_steps_the_teacher_is_that_of_the_plain_port() -> None:
    ours, plain = rounded_alike()
    before = tensors(ours.teacher.net, plain.teacher, "weights")[0].clone()
    for iteration in range(3):
        seed_all(iteration)
        ours.step(crops(iteration), iteration)
        seed_all(iteration)
        plain.step(crops(iteration), iteration)

    plain.update_teacher(3)

    mine, expected = tensors(ours.teacher.net, plain.teacher, "weights")
    # AdamW makes a step of the rounding where a gradient is zero, as before a norm.
    assert (mine - expected).norm() < 0.03 * (expected - before).norm()
    for one, other in zip(buffers(ours.teacher.net), buffers(plain.teacher), strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4)


def test_masks_and_strong_augmentation_are_those_of_the_plain_port() -> None:
    settings, batch = tiny(preset="paper", encoder="efficientnet_lite0"), crops(2)
    changed = set()
    for seed in range(12):
        seed_all(seed)
        masks, image = classmix_masks(batch.label), strongly_augmented(batch.image, settings)
        seed_all(seed)

        assert torch.equal(masks, views.draw_masks(batch.label))
        expected = views.augment(batch.image, 0.2, 0.8, 0.5)
        assert torch.allclose(image, expected, atol=1e-3)
        changed.add(torch.equal(image, batch.image))
    assert changed == {True, False}


def test_rates_are_those_of_the_published_schedule() -> None:
    settings = settings_of({"preset": "supervisely", "encoder_weights": "none"})
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([{"params": [parameter], "lr": 1.0, "base": 1e-3}])
    for iteration, expected in (
        (0, 1e-3 * 1e-3),  # warm-up begins at a thousandth
        (100, (1e-7 + (1e-3 - 1e-7) * (1 - 100 / 25_000)) * (1 - 0.5 * 0.999)),  # of 200
        (200, 1e-7 + (1e-3 - 1e-7) * (1 - 200 / 25_000)),
        (25_000, 1e-7),
    ):
        set_learning_rates(optimizer, iteration, settings)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(expected, rel=1e-9)

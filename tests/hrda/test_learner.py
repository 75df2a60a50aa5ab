"""The iteration as a whole: it learns, it repeats itself, it survives bad numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.evaluation.iou import confusion, iou_of
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.optimizer import decay_factor, unlabeled_weight
from tests.hrda.tiny import learner, minibatch, tiny


def run(one: Learner, iterations: int, seed: int = 0) -> list[dict[str, float]]:
    reports = []
    for iteration in range(iterations):
        seed_all(1000 * seed + iteration)
        reports.append(one.step(minibatch(iteration), iteration))
    return reports


def miou_of(net: torch.nn.Module, batch: Minibatch) -> np.ndarray:
    net.eval()
    with torch.no_grad():
        logits = net.slide_inference(batch.image, 32, 32).fused
    said = torch.nn.functional.interpolate(logits, batch.label.shape[1:], mode="bilinear")
    truth = batch.label.numpy().astype(np.uint8)
    return iou_of(confusion(truth, said.argmax(1).numpy().astype(np.uint8), 3))


def test_two_trainings_of_one_seed_are_equal_to_the_bit_and_of_two_seeds_not() -> None:
    mixed = {"unlabeled_start": 0.0, "unlabeled_ramp": 0.0}
    first, again, other = learner(**mixed), learner(**mixed), learner(**mixed)

    reports = run(first, 3)

    assert reports == run(again, 3)
    run(other, 3, seed=1)
    for name, tensor in first.teacher.state_dict().items():
        assert torch.equal(tensor, again.teacher.state_dict()[name]), name
    assert not torch.equal(
        first.teacher.net.decoder.conv_seg.weight, other.teacher.net.decoder.conv_seg.weight
    )


def test_it_memorises_two_images() -> None:
    changes = {"encoder_weights": "", "iterations": 80, "width": 16, "learning_rate": 2e-3,
               "context_px": 128, "detail_px": 64, "dropout": 0.0, "alpha": 0.9,
               "unlabeled_weight": 0.0, "labeled_jitter": 0.0}  # fmt: skip
    one = learner(**changes)
    one.student.load_imagenet()
    batch = minibatch(5, side=128)

    for iteration in range(80):
        seed_all(iteration)
        one.step(batch, iteration)

    assert miou_of(one.teacher.net, batch).mean() > 0.9


def test_a_loss_that_is_not_finite_changes_nothing_but_the_count() -> None:
    one = learner()
    before = {name: tensor.clone() for name, tensor in one.teacher.state_dict().items()}
    student = [parameter.clone() for parameter in one.student.parameters()]
    good = minibatch()
    bad = Minibatch(image=good.image * math.nan, label=good.label, unlabeled=good.unlabeled,
                    valid=good.valid)  # fmt: skip

    one.step(bad, 0)

    assert one.skipped == 1
    for old, new in zip(student, one.student.parameters(), strict=True):
        assert torch.equal(old, new)
    assert all(torch.equal(t, before[n]) for n, t in one.teacher.state_dict().items())


def test_bad_numbers_do_not_poison_the_statistics_of_the_student() -> None:
    one = learner()
    good = minibatch()
    bad = Minibatch(image=good.image * math.nan, label=good.label, unlabeled=good.unlabeled,
                    valid=good.valid)  # fmt: skip

    one.step(bad, 0)
    report = one.step(good, 1)

    assert one.skipped == 1
    assert all(math.isfinite(value) for value in report.values())
    assert all(torch.isfinite(t).all() for t in one.student.state_dict().values())


def test_without_unlabeled_images_only_the_labels_teach() -> None:
    one = learner(unlabeled_start=0.0, unlabeled_ramp=0.0)
    full = minibatch()
    alone = Minibatch(image=full.image, label=full.label, unlabeled=full.unlabeled[:0],
                      valid=full.valid[:0])  # fmt: skip

    report = one.step(alone, 0)

    assert set(report) == {"labeled_fused", "labeled_detail", "labeled_dice"}


def test_fewer_unlabeled_crops_than_labeled_ones_are_mixed_too() -> None:
    one = learner(minibatch=3, unlabeled_start=0.0, unlabeled_ramp=0.0)
    full = minibatch(images=3)
    less = Minibatch(image=full.image, label=full.label, unlabeled=full.unlabeled[:1],
                     valid=full.valid[:1])  # fmt: skip

    report = one.step(less, 0)

    assert report["mixed_fused"] > 0


@pytest.mark.long
def test_a_teacher_that_sees_only_soil_does_not_erase_the_plants() -> None:
    changes = {"encoder_weights": "", "iterations": 60,
               "width": 16, "learning_rate": 2e-3, "dropout": 0.0,
               "unlabeled_start": 0.0, "unlabeled_ramp": 0.0, "labeled_jitter": 0.0,
               "mixed_jitter": 0.0}  # fmt: skip
    one = learner(**changes)
    one.student.load_imagenet()
    batch = minibatch(5)

    for iteration in range(60):
        seed_all(iteration)
        one.teacher.net.decoder.conv_seg.weight.data.zero_()
        one.teacher.net.decoder.conv_seg.bias.data = torch.tensor([9.0, 0.0, 0.0])
        one.step(batch, iteration)

    foreground = miou_of(one.student, batch)[1:]
    assert foreground.min() > 0.3


def test_rates_warm_up_and_end_at_zero() -> None:
    settings = tiny(iterations=100, warmup=0.1)

    assert decay_factor(0, settings) == pytest.approx(0.1)
    assert decay_factor(9, settings) == decay_factor(10, settings) == 1
    assert decay_factor(99, settings) == pytest.approx(1 / 90)


def test_unlabeled_images_wait_and_then_ramp_up() -> None:
    settings = tiny(iterations=100, unlabeled_start=0.2, unlabeled_ramp=0.4, unlabeled_weight=2.0)

    assert unlabeled_weight(19, settings) == 0
    assert unlabeled_weight(20, settings) == pytest.approx(2 * math.exp(-5))
    assert unlabeled_weight(40, settings) == pytest.approx(2 * math.exp(-5 / 4))
    assert unlabeled_weight(60, settings) == unlabeled_weight(99, settings) == 2

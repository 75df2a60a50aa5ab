from __future__ import annotations

import copy

import pytest
import torch

from daemon.hrda.learning.optimizer import build_optimizer
from daemon.hrda.learning.teacher import Teacher
from tests.hrda.tiny import learner, minibatch, segmentor


def test_the_teacher_follows_the_closed_recursion() -> None:
    student = segmentor()
    teacher = Teacher(student, alpha=0.7)
    name = "decoder.conv_seg.weight"
    expected = student.state_dict()[name].clone()

    for step, alpha in enumerate((1 / 2, 2 / 3, 0.7, 0.7), start=1):  # min(1 - 1/(t+1), 0.7)
        student.decoder.conv_seg.weight.data.fill_(step)
        teacher.update(student)
        expected = alpha * expected + (1 - alpha) * step

    assert torch.allclose(teacher.net.state_dict()[name], expected, atol=1e-6)
    assert int(teacher.updates) == 4


def test_the_statistics_of_norms_are_averaged_and_counters_copied() -> None:
    student = segmentor()
    teacher = Teacher(student, alpha=0.99)
    student.encoder.stem_norm.running_mean.fill_(4.0)
    student.encoder.stem_norm.num_batches_tracked.fill_(7)
    before = teacher.net.encoder.stem_norm.running_mean.clone()

    teacher.update(student)

    assert torch.allclose(teacher.net.encoder.stem_norm.running_mean, (before + 4) / 2)
    assert int(teacher.net.encoder.stem_norm.num_batches_tracked) == 7


def test_a_constant_student_is_reached() -> None:
    student = segmentor()
    teacher = Teacher(student, alpha=0.5)
    student.decoder.conv_seg.weight.data.fill_(3.0)

    for _ in range(40):
        teacher.update(student)

    assert torch.allclose(teacher.net.decoder.conv_seg.weight, torch.tensor(3.0))


def test_the_teacher_has_no_gradients_and_is_not_optimised() -> None:
    one = learner(unlabeled_start=0.0, unlabeled_ramp=0.0)

    one.step(minibatch(), 0)

    owned = {id(p) for group in one.optimizer.param_groups for p in group["params"]}
    for parameter in one.teacher.parameters():
        assert not parameter.requires_grad
        assert parameter.grad is None
        assert id(parameter) not in owned


def test_only_an_update_changes_the_teacher() -> None:
    one = learner(unlabeled_start=0.0, unlabeled_ramp=0.0)
    before = copy.deepcopy(one.teacher.state_dict())

    one.teacher.train()
    one.pseudo_label(minibatch())

    assert not one.teacher.net.training
    for name, tensor in one.teacher.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_the_teacher_predicts_the_same_whatever_else_is_in_the_minibatch() -> None:
    net = Teacher(segmentor(), 0.9).net
    image = torch.rand(3, 3, 64, 64) * 255

    with torch.no_grad():
        together = net.slide_inference(image, 32, 32).fused
        turned = net.slide_inference(image.flip(0), 32, 32).fused.flip(0)

    assert torch.allclose(together, turned, atol=1e-5)


def test_norms_and_biases_do_not_decay_and_heads_learn_faster() -> None:
    student = segmentor()
    groups = build_optimizer(student, student.settings).param_groups
    rates = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}

    for name, parameter in student.named_parameters():
        rate, decay = rates[id(parameter)]
        slow = name.startswith("encoder.")
        expected = student.settings.learning_rate * (1 if slow else student.settings.head_rate)
        assert rate == pytest.approx(expected), name
        assert (decay == 0) == (parameter.ndim <= 1), name

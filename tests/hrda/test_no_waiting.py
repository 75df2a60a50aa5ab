"""On a GPU an iteration never waits for the device. Counted on a CPU, operation by operation."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from daemon.hrda.data.minibatch import Minibatch, values_of
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.learning.learner import Learner
from tests.hrda.device_reads import DeviceReads
from tests.hrda.tiny import learner, minibatch

EVERY_LOSS = {"feature_distance": 0.005, "masked_weight": 1.0, "masked_block_px": 16}


def as_from_files(batch: Minibatch) -> Minibatch:
    """With the values of the labels, which `Crops` counts before it sends them."""
    held = tuple(tuple(values) for values in values_of(batch.label))
    return dataclasses.replace(batch, values=held)


def tensors_of(one: Learner, batch: Minibatch) -> list[torch.Tensor]:
    modules = [one.student, one.teacher, *([one.feature_distance] if one.feature_distance else [])]
    state = [t for module in modules for t in module.state_dict(keep_vars=True).values()]
    own = [one.labeled_share, one.predicted_share, one.trained_pixels, one.skip_counts]
    given = [batch.image, batch.label, batch.unlabeled, batch.valid]
    return [*state, *own, *given, one.class_weights, one.thresholds]


@pytest.mark.parametrize("preset", ["cpu", "paper"])
def test_a_step_never_waits_for_the_device(preset: str) -> None:
    one = learner(
        preset=preset,
        encoder="efficientnet_lite0",
        unlabeled_start=0.0,
        unlabeled_ramp=0.0,
        **EVERY_LOSS,
    )
    batch = as_from_files(minibatch())
    seed_all(0)
    one.step(batch, 0)  # the moments of the optimizer are made in the first step
    seed_all(1)

    with DeviceReads(tensors_of(one, batch)) as reads:
        losses = one.step(batch, 1)

    assert reads.places == []
    assert {"labeled_fused", "mixed_fused", "masked_fused", "labeled_distance"} <= set(losses)


def test_the_counter_finds_each_kind_of_waiting() -> None:
    x = torch.arange(4.0)

    with DeviceReads([x]) as reads:
        float(x.sum())
        x[x > 1]
        (x + 1).nonzero()
        x.long().unique()
        torch.bincount(x.long())
        (x * 2).tolist()
        (x * 2).numpy()

    assert len(reads.places) == 7


def test_the_losses_are_read_once_and_only_when_somebody_looks() -> None:
    one, batch = learner(), as_from_files(minibatch())

    with DeviceReads(tensors_of(one, batch)) as reads:
        losses = one.step(batch, 0)
        before = list(reads.places)
        numbers = dict(losses)
        numbers |= dict(losses)

    assert before == []
    assert all(value == value for value in numbers.values())
    assert len(reads.places) == 1

"""A minibatch in parts learns what the whole one does."""

from __future__ import annotations

import pytest
import torch

from daemon.hrda.data.sampler import seed_all
from daemon.hrda.distributed import SINGLE_PROCESS
from daemon.hrda.learning.microbatches import step_within_memory
from daemon.runs.out_of_memory import OutOfMemory, is_out_of_memory
from tests.hrda.ranks_child import part, plain
from tests.hrda.tiny import learner, minibatch


def test_gradients_of_parts_add_up_to_those_of_the_whole() -> None:
    whole, parts = plain(SINGLE_PROCESS), plain(SINGLE_PROCESS)
    parts.crops_at_once = 1

    for still in (whole, parts):
        seed_all(0)
        still.step(part(SINGLE_PROCESS), 0)

    gaps = [(a - b).abs().max() for a, b in zip(whole.gradients, parts.gradients, strict=True)]
    assert max(gaps) < 1e-5


def test_an_iteration_that_ran_out_of_memory_leaves_nothing_behind() -> None:
    one = learner(unlabeled_start=0.0, minibatch=2)
    before = {name: t.clone() for name, t in one.student.state_dict().items()}
    shares = one.trained_pixels.clone()
    hook = one.student.decoder.register_forward_hook(full)

    with pytest.raises(OutOfMemory, match="not even one crop"):
        step_within_memory(one, minibatch(), seed=1, iteration=0)

    hook.remove()
    assert all(torch.equal(t, before[name]) for name, t in one.student.state_dict().items())
    assert torch.equal(one.trained_pixels, shares)
    assert (one.crops_at_once, one.halvings) == (1, 1)


def full(*_: object) -> None:
    raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes")


def test_the_repeated_iteration_is_the_one_that_small_parts_would_have_made() -> None:
    one, two = (learner(unlabeled_start=0.0, minibatch=2) for _ in range(2))
    two.crops_at_once = 1
    hooks = [one.student.decoder.register_forward_pre_hook(refuse_two)]

    step_within_memory(one, minibatch(), seed=1, iteration=0)
    step_within_memory(two, minibatch(), seed=1, iteration=0)

    hooks[0].remove()
    weights = two.student.state_dict()
    assert all(torch.equal(t, weights[name]) for name, t in one.student.state_dict().items())


def refuse_two(module: torch.nn.Module, given: tuple[list[torch.Tensor]]) -> None:
    """Context and detail of one crop are two views."""
    if module.training and len(given[0][0]) > 2:
        raise torch.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize("words", ["shape mismatch", "expected a tensor"])
def test_other_failures_are_not_taken_for_short_memory(words: str) -> None:
    assert not is_out_of_memory(RuntimeError(words))
    assert not is_out_of_memory(ValueError("out of memory"))

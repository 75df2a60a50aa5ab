"""Out of memory: telling it from other failures, and trying again with fewer crops at a time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch

from daemon.hrda.data.sampler import seed_all

if TYPE_CHECKING:
    from daemon.hrda.data.minibatch import Minibatch
    from daemon.hrda.learning.learner import Learner

log = logging.getLogger(__name__)

WORDS = ("out of memory", "not enough memory", "can't allocate memory", "bad_alloc")


class TooLittleMemory(MemoryError):
    """An iteration did not fit into memory; nothing of it is left."""


def ran_out_of_memory(exc: BaseException) -> bool:
    """Whether a failure of torch means that memory is short.

    CUDA raises its own type; the allocator of CPUs a RuntimeError of these words.
    """
    if isinstance(exc, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(exc, RuntimeError) and any(words in str(exc) for words in WORDS)


def step_on(learner: Learner, minibatch: Minibatch, seed: int, iteration: int) -> dict[str, float]:
    """One step from this seed; where memory is short, with fewer crops at a time from now on.

    Gradients of the parts add up to those of the minibatch; only the norms, and losses that
    are ratios of sums (Dice), see the parts apart. Raises TooLittleMemory when one crop at a
    time is too much.
    """
    while True:
        seed_all(seed)
        try:
            return learner.step(minibatch, iteration)
        except TooLittleMemory as exc:
            if learner.places == 1:
                raise TooLittleMemory(f"not even one crop at a time fits: {exc}") from exc
        learner.halved += 1
        learner.places = (learner.places + 1) // 2
        log.warning("out of memory: from now on with %d crops at a time", learner.places)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

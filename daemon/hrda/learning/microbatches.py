"""Short memory: the iteration is repeated with fewer crops at a time."""

from __future__ import annotations

import logging

import torch

from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.loss_report import LossReport
from daemon.runs.out_of_memory import OutOfMemory

log = logging.getLogger(__name__)


def step_within_memory(
    learner: Learner, minibatch: Minibatch, seed: int, iteration: int
) -> LossReport:
    """One iteration from this seed; where memory is short, with fewer crops at a time from now on.

    The gradients of the parts add up to those of the minibatch; only the norms, and losses that
    are ratios of sums (Dice), see the parts apart. Returns the losses by name. Raises OutOfMemory
    when one crop at a time is too much.
    """
    while True:
        seed_all(seed)
        try:
            return learner.step(minibatch, iteration)
        except OutOfMemory as exc:
            if learner.crops_at_once == 1:
                raise OutOfMemory(f"not even one crop at a time fits: {exc}") from exc
        learner.halvings += 1
        learner.crops_at_once = (learner.crops_at_once + 1) // 2
        log.warning("out of memory: from now on with %d crops at a time", learner.crops_at_once)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

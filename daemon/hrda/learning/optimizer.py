"""The optimizer, and how much an iteration weighs: learning rates and the unlabeled weight."""

from __future__ import annotations

import math

import torch

from daemon.hrda.network.model import norms
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.settings import Settings


def build_optimizer(student: Segmentor, settings: Settings) -> torch.optim.Optimizer:
    """AdamW or SGD; heads learn `head_rate` times faster; some parameters do not decay.

    `no_decay`: norms and biases; or, as published, the encoder's norms alone.
    """
    without_decay = norms(student)
    if settings.no_decay == "encoder_norms":
        without_decay = encoder_norms(student)
    groups = []
    for in_encoder in (True, False):
        for decays in (True, False):
            rate = settings.learning_rate * (1.0 if in_encoder else settings.head_rate)
            chosen = [
                parameter
                for name, parameter in student.named_parameters()
                if name.startswith("encoder.") == in_encoder
                and (name not in without_decay) == decays
            ]
            decay = settings.weight_decay if decays else 0.0
            groups.append({"params": chosen, "lr": rate, "base": rate, "weight_decay": decay})
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, momentum=0.9)
    return torch.optim.AdamW(groups, betas=(0.9, 0.999))


def encoder_norms(net: Segmentor) -> set[str]:
    """Names of the weights and biases of the encoder's norms."""
    kinds = (torch.nn.LayerNorm, torch.nn.modules.batchnorm._BatchNorm)
    return {
        f"encoder.{name}.{part}" if name else f"encoder.{part}"
        for name, module in net.encoder.named_modules()
        if isinstance(module, kinds)
        for part, _ in module.named_parameters(recurse=False)
    }


def set_rates(
    optimizer: torch.optim.Optimizer, iteration: int, settings: Settings, times: float = 1.0
) -> None:
    """Give each group its own rate of this iteration; `times` is that of a warm start."""
    factor, warm = times * schedule(iteration, settings), warming(iteration, settings)
    least = settings.learning_rate_least
    for group in optimizer.param_groups:
        group["lr"] = ((group["base"] - least) * factor + least) * warm


def schedule(iteration: int, settings: Settings) -> float:
    """The factor of the learning rates, above the least one.

    `linear`: warm-up, then from the whole rate to zero at the end. `poly`: falling to zero
    from the first iteration (power 1), with a warm-up of its own on top.
    """
    if settings.schedule == "poly":
        return 1 - iteration / settings.iterations
    warmup = max(1, round(settings.warmup * settings.iterations))
    if iteration < warmup:
        return (iteration + 1) / warmup
    return (settings.iterations - iteration) / max(1, settings.iterations - warmup)


def warming(iteration: int, settings: Settings) -> float:
    """What the warm-up of `poly` leaves of the rate: warmup_ratio at first, then more, then all.

    mmcv 0.x multiplies the falling rate by it; mmengine's two schedulers would not.
    """
    warmup = round(settings.warmup * settings.iterations)
    if settings.schedule != "poly" or iteration >= warmup:
        return 1.0
    return 1 - (1 - iteration / warmup) * (1 - settings.warmup_ratio)


def unlabeled_weight(iteration: int, settings: Settings) -> float:
    """0 until `unlabeled_start`, then weight exp(-5 (1 - x)^2) with x from 0 to 1 over the ramp.

    Laine and Aila, ICLR 2017. Before the start the teacher has nothing to say, so that its
    pass and the mixed one are saved.
    """
    since = iteration - settings.unlabeled_start * settings.iterations
    if since < 0:
        return 0.0
    length = settings.unlabeled_ramp * settings.iterations
    x = 1.0 if since >= length else since / length
    return settings.unlabeled_weight * math.exp(-5 * (1 - x) ** 2)

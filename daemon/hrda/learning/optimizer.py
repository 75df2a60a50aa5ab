"""The optimizer, and the schedules of the learning rates and of the unlabeled loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from daemon.config.learner import Settings
from daemon.hrda.network.hrda import norms_and_biases
from daemon.hrda.network.segmentor import Segmentor


def build_optimizer(student: Segmentor, settings: Settings) -> torch.optim.Optimizer:
    """AdamW or SGD; the heads' learning rate is `head_rate` times the encoder's.

    Without weight decay are norms and biases or, as published, the encoder's norms only
    (`no_decay`). The group's "base" is its learning rate before the schedule.
    """
    without_decay = norms_and_biases(student)
    if settings.no_decay == "encoder_norms":
        without_decay = encoder_norm_parameters(student)
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
        return torch.optim.SGD(groups, momentum=0.9, fused=True)
    return torch.optim.AdamW(groups, betas=(0.9, 0.999), fused=True)


def optimize(optimizer: torch.optim.Optimizer, finite: Tensor) -> None:
    """One step, unless the gradients are not finite: then nothing changes, not even the moments.

    finite: bool, 0-dimensional, on the device: fused optimizers decide there, as they do for
    torch's gradient scaler, so that nobody waits for it.
    """
    optimizer.grad_scale = None  # type: ignore[attr-defined]
    optimizer.found_inf = (~finite).float()  # type: ignore[attr-defined]
    optimizer.step()


def encoder_norm_parameters(net: Segmentor) -> set[str]:
    """Names of the weights and biases of the encoder's norms."""
    kinds = (torch.nn.LayerNorm, torch.nn.modules.batchnorm._BatchNorm)
    return {
        f"encoder.{name}.{part}" if name else f"encoder.{part}"
        for name, module in net.encoder.named_modules()
        if isinstance(module, kinds)
        for part, _ in module.named_parameters(recurse=False)
    }


def set_learning_rates(
    optimizer: torch.optim.Optimizer, iteration: int, settings: Settings, rate_factor: float = 1.0
) -> None:
    """Set each group's learning rate for this iteration. rate_factor: of a warm start."""
    factor = rate_factor * decay_factor(iteration, settings)
    warmup, minimum = warmup_factor(iteration, settings), settings.learning_rate_least
    for group in optimizer.param_groups:
        group["lr"] = ((group["base"] - minimum) * factor + minimum) * warmup


def decay_factor(iteration: int, settings: Settings) -> float:
    """The factor of the learning rates above their minimum, in [0, 1].

    `linear`: warm-up, then from the full rate to zero at the end. `poly`: from the full rate to
    zero from the first iteration on (power 1), times `warmup_factor`.
    """
    if settings.schedule == "poly":
        return 1 - iteration / settings.iterations
    warmup = max(1, round(settings.warmup * settings.iterations))
    if iteration < warmup:
        return (iteration + 1) / warmup
    return (settings.iterations - iteration) / max(1, settings.iterations - warmup)


def warmup_factor(iteration: int, settings: Settings) -> float:
    """The warm-up of `poly`: from warmup_ratio to 1 over the first iterations; else 1.

    mmcv 0.x multiplies the decaying rate by it; mmengine's two schedulers would not.
    """
    warmup = round(settings.warmup * settings.iterations)
    if settings.schedule != "poly" or iteration >= warmup:
        return 1.0
    return 1 - (1 - iteration / warmup) * (1 - settings.warmup_ratio)


def unlabeled_weight(iteration: int, settings: Settings) -> float:
    """0 until `unlabeled_start`, then weight exp(-5 (1 - x)^2) with x from 0 to 1 over the ramp.

    Laine and Aila, ICLR 2017. Before the start the teacher has learned nothing: its pass and the
    mixed one are left out.
    """
    since = iteration - settings.unlabeled_start * settings.iterations
    if since < 0:
        return 0.0
    length = settings.unlabeled_ramp * settings.iterations
    x = 1.0 if since >= length else since / length
    return settings.unlabeled_weight * math.exp(-5 * (1 - x) ** 2)


def starts_unlabeled(iteration: int, settings: Settings) -> bool:
    """Whether this iteration is the first that may use unlabeled images, and not the first of
    all."""
    since = iteration - settings.unlabeled_start * settings.iterations
    return 0 <= since < 1 and iteration > 0

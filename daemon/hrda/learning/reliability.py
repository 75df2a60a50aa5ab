"""Classes whose pseudo-labels can be trusted: the teacher's precision on labeled crops.

The teacher predicts the labeled crops of a minibatch before anybody learns from them, and a running
confusion matrix collects the result. Crops for rare classes show these more often than images do,
so each row is brought to its class's labeled share before the precision is taken; else a rare class
would seem more precise than it is on the pool. Following CW-BASS (Tarubinga, Kalafatovich and Lee,
IJCNN 2025), whose thresholds follow how well the model does; the rule by precision is ours.
"""

from __future__ import annotations

import torch
from torch import Tensor

from daemon.config.learner import Settings
from daemon.domain import IGNORE

MEASURED_EVERY = 4  # iterations
MOMENTUM = 0.95  # of the running confusion, for each measurement


def confusion_of(label: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """(C, C) float32: pixels by (labeled class, predicted class); label 255 does not count.

    label, predicted: int64, of one shape. Without a wait for the device.
    """
    cell = torch.where(label == IGNORE, classes**2, label * classes + predicted).flatten()
    counts = torch.zeros(classes**2 + 1, device=label.device)
    counts.index_add_(0, cell, torch.ones_like(cell, dtype=counts.dtype))
    return counts[:-1].view(classes, classes)


def running(confusion: Tensor, found: Tensor, fraction: float) -> Tensor:
    """The running confusion with the next one. fraction: of a minibatch that was measured."""
    momentum: float = MOMENTUM**fraction
    return confusion * momentum + found


def precision(confusion: Tensor, share: Tensor) -> Tensor:
    """(C,): share_k P(k | k) / sum over t of share_t P(k | t); 0 for a class never predicted.

    confusion: (C, C), rows are the labeled classes t. share: (C,) of the labeled pixels.
    """
    given = confusion / confusion.sum(dim=1, keepdim=True).clamp(min=1e-9)
    joint = given * share.unsqueeze(1)
    return joint.diagonal() / joint.sum(dim=0).clamp(min=1e-12)


def unreliable_classes(confusion: Tensor, share: Tensor, settings: Settings) -> Tensor:
    """(C,) bool: the classes below `reliable_precision`, those without a prediction too."""
    return precision(confusion, share) < settings.reliable_precision


def gated_thresholds(thresholds: Tensor, unreliable: Tensor, strict: float) -> Tensor:
    """(C,): the thresholds, at least `strict` for the classes that are `unreliable`: (C,) bool."""
    return torch.where(unreliable, thresholds.clamp(min=strict), thresholds)


def gated_dropped(share: float, unreliable: Tensor, strict: float) -> Tensor:
    """(C,): the dropped share, at least `strict` for the classes that are `unreliable`."""
    usual = torch.full(unreliable.shape, share, device=unreliable.device)
    return torch.where(unreliable, usual.clamp(min=strict), usual)

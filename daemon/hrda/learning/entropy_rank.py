"""Pseudo-labels of the lowest entropy: of each class the same share counts.

A fixed confidence keeps nearly all of a common class and little of a rare one, and as the teacher
grows surer it keeps wrong pixels too. U2PL (Wang et al., CVPR 2022) drops a share of all pixels, by
the rank of their entropy, that shrinks during the training; here the ranks are those within each
class of the minibatch, so that no class is dropped as a whole. Exact, by two sorts on the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from daemon.config.learner import Settings
from daemon.domain import IGNORE
from daemon.hrda.learning.class_counts import class_counts
from daemon.hrda.learning.pseudo_labels import PseudoLabels, aligned, mean_over


def rank_pseudo_labels(
    probability: Tensor, valid: Tensor, thresholds: Tensor, ratio: Tensor, dropped: Tensor
) -> PseudoLabels:
    """From (B, C, H, W) probabilities: weight 1 for the pixels that are kept, 0 for the others.

    dropped: (C,) share of the pixels of each predicted class that do not count, in [0, 1]. valid,
    ratio: as in `class_pseudo_labels`. thresholds: (C,), for the reported confidence only.
    """
    share = mean_over(probability, valid)
    probability = aligned(probability, ratio)
    confidence, label = probability.max(dim=1)
    classes = len(thresholds)
    kept = lowest_entropy(torch.special.entr(probability).sum(dim=1), label, valid, dropped)
    over = class_counts(label, classes, (confidence >= thresholds[label]) & valid)
    return PseudoLabels(
        label=torch.where(valid, label, IGNORE),
        weight=kept.to(probability.dtype),
        confidence=over / class_counts(label, classes, valid).clamp(min=1),
        share=share,
    )


def lowest_entropy(entropy: Tensor, label: Tensor, valid: Tensor, dropped: Tensor) -> Tensor:
    """Bool, of the shape of the label: of the n valid pixels of class k the ceil((1 - dropped_k) n)
    of the lowest entropy.

    label: int64 class indices. dropped: (C,), in [0, 1]. Of equal entropies the first pixels are
    kept.
    """
    classes = len(dropped)
    group = torch.where(valid, label, classes).flatten()  # the pixels outside are a last group
    by_entropy = entropy.flatten().argsort(stable=True)
    order = by_entropy[group[by_entropy].argsort(stable=True)]  # by group, then by entropy
    counts = class_counts(label, classes, valid)
    first = counts.cumsum(0) - counts  # where the group of each class starts in the order
    most = (1 - dropped.double()) * counts
    outside = counts.new_zeros(1)
    first = torch.cat([first, outside])
    most = torch.cat([most, outside.double()])
    sorted_group = group[order]
    rank = torch.arange(len(order), device=order.device) - first[sorted_group]
    kept = torch.empty_like(group, dtype=torch.bool)
    kept[order] = rank < most[sorted_group]
    return kept.view_as(label)


def dropped_share(iteration: int, settings: Settings) -> float:
    """The share that is dropped: linear from `unlabeled_start` to the last iteration."""
    start = settings.unlabeled_start * settings.iterations
    length = max(1.0, settings.iterations - 1 - start)
    x = min(1.0, max(0.0, (iteration - start) / length))
    return settings.rank_drop_start + (settings.rank_drop_end - settings.rank_drop_start) * x

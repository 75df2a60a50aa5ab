"""Which pseudo-labels count: by confidence or by entropy rank, strictly for unreliable classes;
in a second round those that are given."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from daemon.config.learner import Settings
from daemon.domain import IGNORE
from daemon.hrda.augment.class_mix import WeightedCrops
from daemon.hrda.learning.entropy_rank import dropped_share, rank_pseudo_labels
from daemon.hrda.learning.pseudo_labels import PSEUDO_LABELERS, PseudoLabels
from daemon.hrda.learning.reliability import gated_dropped, gated_thresholds


def selection(
    settings: Settings, iteration: int, thresholds: Tensor, unreliable: Tensor
) -> Callable[[Tensor, Tensor, Tensor], PseudoLabels]:
    """(probability, valid, ratio) -> pseudo-labels, by `pseudo_selection`.

    thresholds: (C,) of the confidence. unreliable: (C,) bool, classes with a stricter rule.
    """
    if settings.pseudo_selection == "rank":
        usual, strict = dropped_share(iteration, settings), settings.rank_drop_start
        dropped = gated_dropped(usual, unreliable, strict)
        return lambda probability, valid, ratio: rank_pseudo_labels(
            probability, valid, thresholds, ratio, dropped
        )
    gated = gated_thresholds(thresholds, unreliable, settings.strict_threshold)
    labeler = PSEUDO_LABELERS[settings.pseudo_weight]
    return lambda probability, valid, ratio: labeler(probability, valid, gated, ratio)


def given_labels(image: Tensor, label: Tensor, classes: int) -> tuple[WeightedCrops, Tensor]:
    """(B, 3, H, W) crops with fixed (B, H, W) labels: weight 1 where there is one, 0 for 255.

    Also (C,): the share of the pixels that have one, the same for every class.
    """
    known = label != IGNORE
    crops = WeightedCrops(image=image, label=label, weight=known.to(image.dtype))
    return crops, known.float().mean().expand(classes)

"""Settings of further ways to learn from unlabeled images; every one is off by default.

They are part of `Settings` in model.py. None has been measured well enough to be a default:
tests/benchmarks/pool_pieces.py compares each with a training without it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from daemon.config.ranges import Share

SampleSize = Annotated[int, Field(ge=1, le=100_000)]


def _setting(default: Any, description: str) -> Any:
    return Field(default=default, description=description)


@dataclass(frozen=True, kw_only=True, config=ConfigDict(strict=True, extra="forbid"))
class PoolLearning:
    """The settings that decide which pseudo-labels count, and how often a model is trained."""

    # which pseudo-labels count
    pseudo_selection: Literal["threshold", "rank"] = _setting(
        "threshold",
        "pixels whose pseudo-label counts: those that reach a confidence (threshold_*), or of each "
        "class those of the lowest entropy (rank), with weight 1; rank leaves pseudo_weight unused",
    )
    rank_drop_start: Share = _setting(
        0.8,
        "share of the pixels of each predicted class that pseudo_selection = rank drops, those of "
        "the highest entropy, when unlabeled images are first used",
    )
    rank_drop_end: Share = _setting(
        0.2, "the same at the last iteration; in between the share changes linearly"
    )
    reliable_precision: Share = _setting(
        0.0,
        "precision of the teacher from which the pseudo-labels of a class are accepted as usual; "
        "below it strictly (strict_threshold); measured on labeled crops before they are learned "
        "from, for a teacher's pass in four iterations; 0: no such gate",
    )
    strict_threshold: Share = _setting(
        0.99,
        "confidence from which a pseudo-label of an unreliable class counts; with "
        "pseudo_selection = rank such a class keeps dropping rank_drop_start instead",
    )
    scales_agree: bool = _setting(
        False,
        "a pseudo-label counts only where the teacher's context and detail have the same most "
        "probable class; costs nothing",
    )
    views_agree: bool = _setting(
        False,
        "a pseudo-label counts only where the teacher predicts the same class on the mirrored crop "
        "with other colours (labeled_jitter); costs a second pass of the teacher",
    )
    # the course of a training
    teacher_restart: bool = _setting(
        False,
        "the teacher starts anew from the student when unlabeled images are first used "
        "(unlabeled_start): its average then holds no student of the beginning",
    )
    second_round: bool = _setting(
        False,
        "when the training has ended its model labels the pool, and a new model learns from that, "
        "from the beginning and without a teacher's pass; takes nearly twice the time, and with "
        "max_seconds both rounds share them",
    )
    second_round_confidence: Share = _setting(
        0.0, "confidence from which a label of the pool counts in the second round; 0: all count"
    )
    keep_consistent: bool = _setting(
        False,
        "keep the model whose predictions of a fixed sample of the unlabeled images agree best "
        "with those of the mirrored images, instead of the final one; needs no validation images; "
        "measured as often as validations says, for two predictions of each image of the sample",
    )
    consistency_images: SampleSize = _setting(
        32, "unlabeled images in the sample of keep_consistent; drawn once by the seed"
    )
    until_plateau: Share = _setting(
        0.0,
        "end the training when its figure has not improved for this share of iterations, which "
        "then are the most there can be; the figure is the consistency with keep_consistent, else "
        "the validation mIoU, else the training loss, measured as often as validations says; "
        "0: never",
    )

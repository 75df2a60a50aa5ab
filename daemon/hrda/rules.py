"""What a setting may be. Every rule speaks for itself, so that all faults come at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.hrda.settings import Settings

GRID_PX = 64  # context crops lie on it: half of it is a multiple of the deepest stride, 32
WINDOW_GRID_PX = 32  # detail windows lie on it: the deepest stride

CHOICES: Mapping[str, tuple[str, ...]] = {
    "architecture": ("hrda", "segformer"),
    "fusion": ("conv1", "sepaspp", "aspp"),
    "detail_boxes": ("all", "published"),
    "optimizer": ("adamw", "sgd"),
    "no_decay": ("norms_biases", "encoder_norms"),
    "schedule": ("linear", "poly"),
    "loss_over": ("labeled", "all"),
    "precision": ("auto", "fp32", "bf16"),
    "teacher_norms": ("ema", "batch"),
    "evaluated": ("teacher", "student"),
    "pseudo_weight": ("class", "batch"),
    "mix_classes": ("foreground", "all"),
    "rare_crops": ("aimed", "redrawn"),
    "framing": ("native", "fit"),
    "turns": ("square", "mirror", "none"),
    "strong_law": ("image", "published"),
}
SHARES = (
    "dropout", "fixed_attention", "class_balance", "warmup", "warmup_ratio",
    "detail_loss", "context_loss", "alpha", "unlabeled_start", "unlabeled_ramp",
    "threshold_background", "threshold_foreground", "prior_alignment", "prior_correction",
    "class_mix", "feature_ratio", "masked_ratio", "rare_class", "jitter_chance", "blur",
)  # fmt: skip
AT_LEAST_ONE = (
    "iterations", "minibatch", "unlabeled_minibatch", "width", "chunk", "masked_block_px",
    "validations",
)  # fmt: skip
NOT_NEGATIVE = (
    "learning_rate_least", "feature_distance", "masked_weight", "rare_pixels", "rare_crop_ratio",
    "ignore_top_px", "ignore_bottom_px", "prior_images",
    "prior_images_alone", "pool_doubt",
)  # fmt: skip


def faults_of(settings: Settings) -> list[str]:
    """In words: what is impossible, what was expected. Empty when all is well."""
    return [
        *_of_sizes(settings),
        *_of_pairs(settings),
        *_of_ranges(settings),
        *(
            f"{name} = {getattr(settings, name)!r}: expected one of {', '.join(words)}"
            for name, words in CHOICES.items()
            if getattr(settings, name) not in words
        ),
    ]


def _of_sizes(settings: Settings) -> Iterator[str]:
    grids = {
        "context_px": GRID_PX,
        "detail_px": WINDOW_GRID_PX,
        "window_px": GRID_PX,
        "detail_window_px": WINDOW_GRID_PX,
    }
    for name, grid in grids.items():
        side = getattr(settings, name)
        if side <= 0 or side % grid:
            yield f"{name} = {side}: expected a positive multiple of {grid}"


def _of_pairs(settings: Settings) -> Iterator[str]:
    rules = {
        f"detail_px = {settings.detail_px}: expected at most context_px": (
            settings.detail_px <= settings.context_px
        ),
        f"detail_window_px = {settings.detail_window_px}: at most half of window_px": (
            settings.detail_window_px <= settings.window_px // 2
        ),
        f"unlabeled_minibatch = {settings.unlabeled_minibatch}: expected at most minibatch": (
            settings.unlabeled_minibatch <= settings.minibatch
        ),
        f"scale_low, scale_high = {settings.scale_low}, {settings.scale_high}: expected "
        "0 < low <= high": 0 < settings.scale_low <= settings.scale_high,
        f"detail_loss, context_loss = {settings.detail_loss}, {settings.context_loss}: expected "
        "at most 1 together": settings.detail_loss + settings.context_loss <= 1,
        f"pseudo_margins_px = {settings.pseudo_margins_px}: expected four numbers >= 0, top, "
        "bottom, left, right": (
            len(settings.pseudo_margins_px) == 4 and min(settings.pseudo_margins_px) >= 0
        ),
    }
    return (words for words, holds in rules.items() if not holds)


def _of_ranges(settings: Settings) -> Iterator[str]:
    for names, least in ((AT_LEAST_ONE, 1), (NOT_NEGATIVE, 0)):
        for name in names:
            if getattr(settings, name) < least:
                yield f"{name} = {getattr(settings, name)}: expected at least {least}"
    if settings.rare_temperature <= 0:
        yield f"rare_temperature = {settings.rare_temperature}: expected > 0"
    for name in SHARES:
        value = getattr(settings, name)
        if value is not None and not 0 <= value <= 1:
            yield f"{name} = {value}: expected a number in [0, 1]"

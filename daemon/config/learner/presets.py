"""The presets and methods: settings by name, nothing else; daemon/hrda/METHOD.md is their table.

`paper` is HRDA's configuration for GTA to Cityscapes, `supervisely` that of Supervisely's app.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Common to both published configurations: one pseudo-label weight for the minibatch, ClassMix with
# background, pseudo-labels on padding, losses averaged over all pixels, batch norms of the teacher.
PUBLISHED: Mapping[str, Any] = {
    "encoder": "mit_b5",
    "width": 256,
    "fusion": "sepaspp",
    "scales_together": False,
    "detail_boxes": "published",
    "minibatch": 2,
    "unlabeled_minibatch": 2,
    "head_rate": 10.0,
    "no_decay": "encoder_norms",
    "schedule": "poly",
    "warm_start_rate": 1.0,
    "clip_norm": 0.0,
    "loss_over": "all",
    "class_balance": 0.0,
    "dice_loss": 0.0,
    "prior_correction": 0.0,
    "pool_doubt": 0.0,
    "precision": "fp32",
    "tf32": True,
    "teacher_norms": "batch",
    "teacher_overlap": True,
    "evaluated": "student",
    "unlabeled_start": 0.0,
    "unlabeled_ramp": 0.0,
    "pseudo_weight": "batch",
    "threshold_background": 0.968,
    "threshold_foreground": 0.968,
    "prior_alignment": 0.0,
    "mask_padding": False,
    "mix_classes": "all",
    "class_mix": 1.0,
    "scale_low": 1.0,
    "scale_high": 1.0,
    "labeled_jitter": 0.0,
    "strong_law": "published",
    "mixed_jitter": 0.2,
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "cpu": {},
    "gpu": {
        "fusion": "sepaspp",
        "width": 256,
        "context_px": 640,
        "detail_px": 320,
        "crops_by_images": True,
        "minibatch": 4,
        "iterations": 10_000,
        "learning_rate": 1e-4,
        "head_rate": 10.0,
        "warmup": 0.02,
        "alpha": 0.999,
        "teacher_overlap": True,
        "masked_block_px": 40,
        "window_px": 1280,
        "detail_window_px": 320,
    },
    "supervisely": {
        **PUBLISHED,
        "context_px": 640,
        "detail_px": 320,
        "iterations": 25_000,
        "learning_rate": 1e-4,
        "learning_rate_least": 1e-7,
        "weight_decay": 1e-4,
        "warmup": 0.008,
        "warmup_ratio": 1e-3,
        "alpha": 0.99,
        "rare_class": 0.0,
        "framing": "fit",
        "turns": "none",
        "masked_block_px": 40,
        "window_px": 1280,
        "detail_window_px": 320,
    },
    "paper": {
        **PUBLISHED,
        "context_px": 1024,
        "detail_px": 512,
        "iterations": 40_000,
        "learning_rate": 6e-5,
        "warmup": 0.0375,
        "warmup_ratio": 1e-6,
        "alpha": 0.999,
        "feature_distance": 0.005,
        "rare_class": 1.0,
        "rare_temperature": 0.01,
        "rare_pixels": 3000,
        "rare_crops": "redrawn",
        "rare_crop_ratio": 2.0,
        "largest_class_share": 0.75,
        "masked_block_px": 64,
        "turns": "mirror",
        "window_px": 1024,
        "detail_window_px": 512,
    },
}

LABELS_ONLY: Mapping[str, Any] = {"unlabeled_weight": 0.0}

METHODS: Mapping[str, Mapping[str, Any]] = {
    "hrda": {},
    "supervised": LABELS_ONLY,
    "segformer": {**LABELS_ONLY, "architecture": "segformer"},
}

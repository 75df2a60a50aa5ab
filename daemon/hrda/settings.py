"""Every number of the method, by name, and the presets. A request may change any of them.

Sources: HRDA (Hoyer, Dai, Van Gool, ECCV 2022), DAFormer (CVPR 2022), Supervisely's HRDA app.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.errors import ConfigError

GRID_PX = 64  # context crops lie on it: half of it is a multiple of the deepest stride, 32


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a training; the defaults are the `cpu` preset.

    Lengths are pixels of the original image, shares and probabilities lie in [0, 1].
    """

    preset: str = "cpu"
    method: str = "hrda"  # a name in METHODS
    # network
    architecture: str = "hrda"  # or segformer: one scale, an all-MLP head
    encoder: str = "efficientnet_lite0"
    encoder_weights: str = ""  # a local file; "": those of the package; "none": random
    width: int = 64  # channels of the decoder
    fusion: str = "conv1"  # or sepaspp
    dropout: float = 0.1
    context_px: int = 256  # side of a training crop, seen at half scale
    detail_px: int = 128  # side of the full-scale window inside it
    fixed_attention: float | None = None  # a constant instead of the learnt scale attention
    # optimisation
    iterations: int = 300
    minibatch: int = 4  # labeled crops an iteration
    unlabeled_minibatch: int = 2  # unlabeled ones, at most as many
    learning_rate: float = 2e-3  # of the encoder
    head_rate: float = 3.0  # times that, for the heads
    weight_decay: float = 0.01
    warmup: float = 0.05  # share of the iterations
    warm_start_rate: float = 0.5  # times the learning rate, when there is a parent
    clip_norm: float = 10.0
    detail_loss: float = 0.1  # share of the loss that the detail window has on its own
    class_balance: float = 0.5  # class weights are inverse frequency to this power; 0: alike
    dice_loss: float = 0.5  # weight of the Dice loss on labeled crops
    prior_correction: float = 0.5  # 0: none; 1: as if the crops had shown the labels' shares
    precision: str = "auto"  # fp32, bf16; auto: bf16 on CUDA and where inference gains from it
    # teacher and pseudo-labels
    alpha: float = 0.97
    unlabeled_weight: float = 1.0
    unlabeled_start: float = 0.15  # share of the iterations without unlabeled images
    unlabeled_ramp: float = 0.25  # share of the iterations after it, until the full weight
    threshold_background: float = 0.95
    threshold_foreground: float = 0.8
    prior_alignment: float = 0.5  # 0: off; 1: pseudo-labels follow the labeled class shares
    class_mix: float = 0.5  # probability of foreground ClassMix, else CutMix
    teacher_overlap: bool = False
    # crops and augmentation
    rare_class: float = 0.75  # probability that a labeled crop is drawn for a class
    rare_temperature: float = 0.25
    scale_low: float = 0.75
    scale_high: float = 1.5
    labeled_jitter: float = 0.2
    mixed_jitter: float = 0.3
    blur: float = 0.5  # probability
    # inference
    window_px: int = 1024  # larger images are cut into windows of this side
    detail_window_px: int = 512  # side of a detail window, the teacher's too; a multiple of 32
    detail_overlap: bool = True
    chunk: int = 16  # detail windows a forward pass
    # keeping
    save_every_s: float = 60.0


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "cpu": {},
    "gpu": {
        "fusion": "sepaspp",
        "width": 256,
        "context_px": 640,
        "detail_px": 320,
        "minibatch": 4,
        "iterations": 10_000,
        "learning_rate": 1e-4,
        "head_rate": 10.0,
        "warmup": 0.02,
        "alpha": 0.999,
        "teacher_overlap": True,
        "window_px": 1280,
        "detail_window_px": 320,
    },
    "supervisely": {
        "fusion": "sepaspp",
        "encoder": "mit_b5",
        "width": 256,
        "context_px": 640,
        "detail_px": 320,
        "minibatch": 2,
        "unlabeled_minibatch": 2,
        "iterations": 25_000,
        "learning_rate": 1e-4,
        "head_rate": 10.0,
        "weight_decay": 1e-4,
        "warmup": 0.008,
        "clip_norm": 0.0,
        "class_balance": 0.0,
        "dice_loss": 0.0,
        "prior_correction": 0.0,
        "alpha": 0.99,
        "unlabeled_start": 0.0,
        "unlabeled_ramp": 0.0,
        "threshold_background": 0.968,
        "threshold_foreground": 0.968,
        "prior_alignment": 0.0,
        "class_mix": 1.0,
        "teacher_overlap": True,
        "rare_class": 0.0,
        "labeled_jitter": 0.0,
        "mixed_jitter": 0.2,
        "window_px": 1280,
        "detail_window_px": 320,
    },
    "paper": {
        "fusion": "sepaspp",
        "encoder": "mit_b5",
        "width": 256,
        "context_px": 1024,
        "detail_px": 512,
        "minibatch": 2,
        "unlabeled_minibatch": 2,
        "iterations": 40_000,
        "learning_rate": 6e-5,
        "head_rate": 10.0,
        "warmup": 0.0375,
        "clip_norm": 0.0,
        "class_balance": 0.0,
        "dice_loss": 0.0,
        "prior_correction": 0.0,
        "alpha": 0.999,
        "unlabeled_start": 0.0,
        "unlabeled_ramp": 0.0,
        "threshold_background": 0.968,
        "threshold_foreground": 0.968,
        "prior_alignment": 0.0,
        "class_mix": 1.0,
        "teacher_overlap": True,
        "rare_class": 1.0,
        "rare_temperature": 0.01,
        "labeled_jitter": 0.0,
        "mixed_jitter": 0.2,
        "window_px": 1024,
        "detail_window_px": 512,
    },
}


METHODS: Mapping[str, Mapping[str, Any]] = {
    "hrda": {},
    "supervised": {"unlabeled_weight": 0.0},
    "segformer": {"unlabeled_weight": 0.0, "architecture": "segformer"},
}


def settings_of(changes: Mapping[str, Any]) -> Settings:
    """The preset that `changes` names, its method on top, then the other changes.

    Without a name they are `cpu` and `hrda`.

    Raises ConfigError that lists every fault: unknown names, wrong types, impossible sizes.
    """
    preset = _named(changes, "preset", "cpu", PRESETS)
    method = _named(changes, "method", "hrda", METHODS)
    known = {field.name: field for field in dataclasses.fields(Settings)}
    faults = [f"{name}: unknown setting" for name in changes if name not in known]
    values: dict[str, Any] = {}
    for name, value in {**preset, **method, **changes}.items():
        if name in known:
            values[name] = _typed(value, known[name].default)
            if values[name] is None and name != "fixed_attention":
                faults.append(f"{name} = {value!r}: expected {_kind(known[name].default)}")
    if not faults:
        settings = Settings(**values)
        faults = _faults(settings)
    if faults:
        raise ConfigError("settings of the learner:\n  " + "\n  ".join(faults))
    return settings


def _named(
    changes: Mapping[str, Any], key: str, otherwise: str, known: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    name = changes.get(key, otherwise)
    if not isinstance(name, str) or name not in known:
        raise ConfigError(f"settings: {key} = {name!r}: expected one of {', '.join(known)}")
    return known[name]


def _kind(default: Any) -> str:
    return type(default).__name__ if default is not None else "a number in [0, 1] or null"


def _typed(value: Any, default: Any) -> Any:
    """`value` as the type of `default`, None where it is none of it."""
    if isinstance(default, float) or default is None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number else None
    return value if type(value) is type(default) else None


def _faults(settings: Settings) -> list[str]:
    rules = {
        f"context_px = {settings.context_px}: expected a positive multiple of {GRID_PX}": (
            settings.context_px > 0 and settings.context_px % GRID_PX == 0
        ),
        f"detail_px = {settings.detail_px}: expected a multiple of 32, at most context_px": (
            0 < settings.detail_px <= settings.context_px and settings.detail_px % 32 == 0
        ),
        f"window_px = {settings.window_px}: expected a positive multiple of {GRID_PX}": (
            settings.window_px > 0 and settings.window_px % GRID_PX == 0
        ),
        f"detail_window_px = {settings.detail_window_px}: expected a positive multiple of 32": (
            settings.detail_window_px > 0 and settings.detail_window_px % 32 == 0
        ),
        f"detail_window_px = {settings.detail_window_px}: at most half of window_px": (
            settings.detail_window_px <= settings.window_px // 2
        ),
        f"unlabeled_minibatch = {settings.unlabeled_minibatch}: expected at most minibatch": (
            settings.unlabeled_minibatch <= settings.minibatch
        ),
        f"scale_low, scale_high = {settings.scale_low}, {settings.scale_high}: expected "
        "0 < low <= high": 0 < settings.scale_low <= settings.scale_high,
        f"rare_temperature = {settings.rare_temperature}: expected > 0": (
            settings.rare_temperature > 0
        ),
        f"fusion = {settings.fusion!r}: expected sepaspp or conv1": (
            settings.fusion in ("sepaspp", "conv1")
        ),
        f"architecture = {settings.architecture!r}: expected hrda or segformer": (
            settings.architecture in ("hrda", "segformer")
        ),
        f"precision = {settings.precision!r}: expected auto, fp32 or bf16": (
            settings.precision in ("auto", "fp32", "bf16")
        ),
    }
    broken = [words for words, holds in rules.items() if not holds]
    return broken + _out_of_range(settings)


def _out_of_range(settings: Settings) -> list[str]:
    faults = [
        f"{name} = {getattr(settings, name)}: expected at least 1"
        for name in ("iterations", "minibatch", "unlabeled_minibatch", "width", "chunk")
        if getattr(settings, name) < 1
    ]
    for name in SHARES:
        value = getattr(settings, name)
        if value is not None and not 0 <= value <= 1:
            faults.append(f"{name} = {value}: expected a number in [0, 1]")
    return faults


SHARES = (
    "dropout", "fixed_attention", "class_balance", "warmup", "detail_loss", "alpha",
    "unlabeled_start", "unlabeled_ramp",
    "threshold_background", "threshold_foreground", "prior_alignment", "prior_correction",
    "class_mix", "rare_class", "blur",
)  # fmt: skip

"""Every number of the method, by name. A request may change any of them.

Sources: HRDA (Hoyer, Dai, Van Gool, ECCV 2022), DAFormer (CVPR 2022), Supervisely's HRDA app.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.errors import ConfigError
from daemon.hrda.presets import METHODS, PRESETS
from daemon.hrda.rules import GRID_PX, faults_of

__all__ = ["GRID_PX", "METHODS", "PRESETS", "Settings", "settings_of"]


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
    encoder_config: str = ""  # JSON: arguments of an encoder of mmseg's registry or of your own
    encoder_module: str = ""  # imported before the encoder is looked up, to register yours
    encoder_weights: str = ""  # a file or a URL; "": those of the package; "none": random
    encoder_weights_sha256: str = ""  # of that file; a URL must have it
    width: int = 64  # channels of the decoder
    fusion: str = "conv1"  # sepaspp, aspp
    dropout: float = 0.1
    context_px: int = 256  # side of a training crop, seen at half scale
    detail_px: int = 128  # side of the full-scale window inside it
    detail_boxes: str = "all"  # published: the window never reaches the last 8 pixels
    scales_together: bool = True  # both views in one minibatch where their sizes agree
    attention_classwise: bool = True  # scale attention for each class, or one for all
    fixed_attention: float | None = None  # a constant instead of the learnt scale attention
    # optimisation
    iterations: int = 600
    minibatch: int = 4  # labeled crops an iteration
    unlabeled_minibatch: int = 4  # unlabeled ones, at most as many
    optimizer: str = "adamw"  # sgd
    learning_rate: float = 2e-3  # of the encoder
    learning_rate_least: float = 0.0  # where schedule "poly" ends
    head_rate: float = 3.0  # times that, for the heads
    weight_decay: float = 0.01
    no_decay: str = "norms_biases"  # encoder_norms: as published, the rest decays
    schedule: str = "linear"  # poly: as published, it falls from the first iteration
    warmup: float = 0.05  # share of the iterations
    warmup_ratio: float = 1e-6  # of the rate, where the warm-up of schedule "poly" begins
    warm_start_rate: float = 0.5  # times the learning rate, when there is a parent
    clip_norm: float = 10.0
    detail_loss: float = 0.1  # share of the loss that the detail window has on its own
    context_loss: float = 0.0  # share that the context's logits have on their own
    loss_over: str = "labeled"  # all: unlabeled pixels count in the mean, as published
    class_balance: float = 0.5  # class weights are inverse frequency to this power; 0: alike
    dice_loss: float = 0.5  # weight of the Dice loss on labeled crops
    prior_correction: float = 1.0  # 0: none; 1: as if the crops had shown the labels' shares,
    prior_images: int = 24  # for a class on many images; half of it on so many,
    prior_images_alone: int = 100  # or on so many where no unlabeled image teaches
    pool_doubt: float = 0.5  # relative error of a labeled share at which the pool's counts half
    precision: str = "auto"  # fp32, bf16; auto: bf16 on CUDA and where inference gains from it
    # teacher and pseudo-labels
    alpha: float = 0.97
    teacher_norms: str = "ema"  # batch: statistics of its own minibatches, as published
    teacher_overlap: bool = False
    evaluated: str = "teacher"  # student: the network that is kept and measured
    unlabeled_weight: float = 1.0
    unlabeled_start: float = 0.15  # share of the iterations without unlabeled images
    unlabeled_ramp: float = 0.25  # share of the iterations after it, until the full weight
    pseudo_weight: str = "class"  # batch: one confidence over all pixels, as published
    threshold_background: float = 0.95
    threshold_foreground: float = 0.95
    prior_alignment: float = 0.5  # 0: off; 1: pseudo-labels follow the labeled class shares
    mask_padding: bool = True  # what the image does not cover gets no pseudo-label
    pseudo_margins_px: tuple[int, ...] = (0, 0, 0, 0)  # top, bottom, left, right of the image
    ignore_top_px: int = 0  # rows of the crop that pseudo-labels are not believed in
    ignore_bottom_px: int = 0
    mix_classes: str = "foreground"  # all: those of the minibatch, 255 too, as published
    class_mix: float = 0.5  # probability of ClassMix, else CutMix
    # further terms
    feature_distance: float = 0.0  # weight; features stay near those of ImageNet
    feature_classes: tuple[int, ...] = ()  # where; (): every foreground class
    feature_ratio: float = 0.75  # share of a cell that its class must fill
    masked_weight: float = 0.0  # of masked image consistency (MIC), times the unlabeled weight
    masked_ratio: float = 0.7  # share of the blocks that are hidden
    masked_block_px: int = 16
    # crops and augmentation
    rare_class: float = 0.75  # probability that a labeled crop is drawn for a class
    rare_temperature: float = 0.25
    rare_pixels: int = 15  # an image holds a class that has more than these in it
    rare_crops: str = "aimed"  # redrawn: uniform, drawn again until it holds enough
    rare_crop_ratio: float = 2.0  # times rare_pixels, what a redrawn crop must hold more than
    framing: str = "native"  # fit: the whole image, scaled into the crop
    scale_low: float = 0.75
    scale_high: float = 1.5
    turns: str = "square"  # all eight symmetries; mirror: left and right; none
    labeled_jitter: float = 0.2
    strong_law: str = "image"  # published: kornia's jitter, drawn once for the minibatch
    mixed_jitter: float = 0.5
    jitter_chance: float = 0.8  # of jitter by the published law
    blur: float = 0.5  # probability
    # inference
    window_px: int = 1024  # larger images are cut into windows of this side
    detail_window_px: int = 512  # side of a detail window, the teacher's too; a multiple of 32
    detail_overlap: bool = True
    chunk: int = 16  # detail windows a forward pass
    # keeping
    save_every_s: float = 60.0
    keep_best: bool = False  # keep the model that was best on validation, not the last
    validations: int = 10  # how often it is measured then, evenly


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
        faults = faults_of(settings)
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
    if isinstance(default, tuple):
        return "a list of whole numbers"
    return type(default).__name__ if default is not None else "a number in [0, 1] or null"


def _typed(value: Any, default: Any) -> Any:
    """`value` as the type of `default`, None where it is none of it."""
    if isinstance(default, float) or default is None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number else None
    if isinstance(default, tuple):
        listed = isinstance(value, list | tuple) and all(type(one) is int for one in value)
        return tuple(value) if listed else None
    return value if type(value) is type(default) else None

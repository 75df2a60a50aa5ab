"""Every number of the method, by name, with its range and what it means.

Sources: HRDA (Hoyer, Dai, Van Gool, ECCV 2022), DAFormer (CVPR 2022), Supervisely's HRDA app.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from daemon.config.ranges import PathText, Share

GRID_PX = 64  # context crops lie on it: half of it is a multiple of the deepest stride, 32
WINDOW_GRID_PX = 32  # detail windows lie on it: the deepest stride


def _say(words: str) -> Any:
    return Field(description=words)


_Number = Field(allow_inf_nan=False)
Context = Annotated[int, Field(ge=GRID_PX, le=8192, multiple_of=GRID_PX)]
Window = Annotated[int, Field(ge=WINDOW_GRID_PX, le=8192, multiple_of=WINDOW_GRID_PX)]
Minibatch = Annotated[int, Field(ge=1, le=1024)]
Weight = Annotated[float, Field(ge=0, le=1000), _Number]
Rate = Annotated[float, Field(gt=0, le=10), _Number]
Pixels = Annotated[int, Field(ge=0, le=100_000)]
Images = Annotated[int, Field(ge=0, le=1_000_000)]
Scale = Annotated[float, Field(gt=0, le=100), _Number]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(strict=True, extra="forbid"))
class Settings:
    """The settings of a training; the defaults are the `cpu` preset.

    Lengths are pixels of the original image, shares and probabilities lie in [0, 1]. A value of
    another type or outside its range raises pydantic's ValidationError; `settings_of` says it in
    words.
    """

    preset: Annotated[str, _say("the row of values that the others start from")] = "cpu"
    method: Annotated[str, _say("hrda, supervised or segformer")] = "hrda"
    # network
    architecture: Annotated[
        Literal["hrda", "segformer"], _say("segformer: one scale, an all-MLP head")
    ] = "hrda"
    encoder: Annotated[str, _say("name of the encoder")] = "efficientnet_lite0"
    encoder_config: Annotated[
        str, _say("JSON: arguments of an encoder of mmseg's registry or of your own")
    ] = ""
    encoder_module: Annotated[
        str, _say("imported before the encoder is looked up, to register yours")
    ] = ""
    encoder_weights: Annotated[
        PathText, _say('a file or a URL; "": those of the package; "none": random')
    ] = ""
    encoder_weights_sha256: Annotated[str, _say("of that file; a URL must have it")] = ""
    width: Annotated[int, Field(ge=1, le=4096), _say("channels of the decoder")] = 64
    fusion: Annotated[Literal["conv1", "sepaspp", "aspp"], _say("how the decoder fuses")] = "conv1"
    dropout: Annotated[Share, _say("probability, in the decoder")] = 0.1
    context_px: Annotated[Context, _say("side of a training crop, seen at half scale")] = 256
    detail_px: Annotated[Window, _say("side of the full-scale window inside it")] = 128
    detail_boxes: Annotated[
        Literal["all", "published"], _say("published: never reaches the last 8 pixels")
    ] = "all"
    scales_together: Annotated[bool, _say("both views in one minibatch where sizes agree")] = True
    attention_classwise: Annotated[bool, _say("scale attention for each class, or one")] = True
    fixed_attention: Annotated[
        Share | None, _say("a constant instead of the learnt scale attention")
    ] = None
    # optimisation
    iterations: Annotated[int, Field(ge=1, le=10_000_000), _say("steps of the optimizer")] = 600
    minibatch: Annotated[Minibatch, _say("labeled crops an iteration")] = 4
    unlabeled_minibatch: Annotated[
        Minibatch, _say("unlabeled crops an iteration, at most as many")
    ] = 4
    optimizer: Annotated[Literal["adamw", "sgd"], _say("of the weights")] = "adamw"
    learning_rate: Annotated[Rate, _say("of the encoder")] = 2e-3
    learning_rate_least: Annotated[
        float, Field(ge=0, le=10), _Number, _say('where schedule "poly" ends')
    ] = 0.0
    head_rate: Annotated[
        float, Field(gt=0, le=10_000), _Number, _say("times the learning rate, for the heads")
    ] = 3.0
    weight_decay: Annotated[float, Field(ge=0, le=10), _Number, _say("of the weights")] = 0.01
    no_decay: Annotated[
        Literal["norms_biases", "encoder_norms"], _say("encoder_norms: as published")
    ] = "norms_biases"
    schedule: Annotated[
        Literal["linear", "poly"], _say("poly: as published, it falls from the first iteration")
    ] = "linear"
    warmup: Annotated[Share, _say("share of the iterations")] = 0.05
    warmup_ratio: Annotated[
        Share, _say('share of the rate where the warm-up of schedule "poly" begins')
    ] = 1e-6
    warm_start_rate: Annotated[Scale, _say("times the learning rate, when there is a parent")] = 0.5
    clip_norm: Annotated[
        float, Field(ge=0, le=1_000_000), _Number, _say("largest norm of a gradient; 0: none")
    ] = 10.0
    detail_loss: Annotated[Share, _say("share of the loss that the detail window has")] = 0.1
    context_loss: Annotated[Share, _say("share that the context's logits have")] = 0.0
    loss_over: Annotated[
        Literal["labeled", "all"], _say("all: unlabeled pixels count in the mean, as published")
    ] = "labeled"
    class_balance: Annotated[
        Share, _say("class weights are inverse frequency to this power; 0: alike")
    ] = 0.5
    dice_loss: Annotated[Weight, _say("weight of the Dice loss on labeled crops")] = 0.5
    prior_correction: Annotated[
        Share, _say("0: none; 1: as if the crops had shown the labels' shares")
    ] = 1.0
    prior_images: Annotated[
        Images, _say("half of that correction for a class on so many images")
    ] = 24
    prior_images_alone: Annotated[Images, _say("the same where no unlabeled image teaches")] = 100
    pool_doubt: Annotated[
        Weight, _say("relative error of a labeled share at which the pool's counts half; 0: never")
    ] = 0.5
    precision: Annotated[
        Literal["auto", "fp32", "bf16"], _say("auto: bf16 where it gains from it")
    ] = "auto"
    # teacher and pseudo-labels
    alpha: Annotated[Share, _say("of the teacher's exponential moving average")] = 0.97
    teacher_norms: Annotated[
        Literal["ema", "batch"], _say("batch: statistics of its own minibatches, as published")
    ] = "ema"
    teacher_overlap: Annotated[bool, _say("detail windows of the teacher overlap")] = False
    evaluated: Annotated[
        Literal["teacher", "student"], _say("the network that is kept and measured")
    ] = "teacher"
    unlabeled_weight: Annotated[Weight, _say("of the loss on unlabeled images")] = 1.0
    unlabeled_start: Annotated[Share, _say("share of the iterations without unlabeled images")] = (
        0.15
    )
    unlabeled_ramp: Annotated[
        Share, _say("share of the iterations after it, until the full weight")
    ] = 0.25
    pseudo_weight: Annotated[
        Literal["class", "batch"], _say("batch: one confidence over all pixels, as published")
    ] = "class"
    threshold_background: Annotated[Share, _say("confidence that counts, of background")] = 0.95
    threshold_foreground: Annotated[Share, _say("the same, of the other classes")] = 0.95
    prior_alignment: Annotated[
        Share, _say("0: off; 1: pseudo-labels follow the labeled class shares")
    ] = 0.5
    mask_padding: Annotated[bool, _say("what the image does not cover gets no pseudo-label")] = True
    pseudo_margins_px: Annotated[
        tuple[Pixels, ...], Field(strict=False), _say("top, bottom, left, right: not believed")
    ] = (0, 0, 0, 0)
    ignore_top_px: Annotated[Pixels, _say("rows of the crop whose pseudo-labels are left out")] = 0
    ignore_bottom_px: Annotated[Pixels, _say("the same at the bottom")] = 0
    mix_classes: Annotated[
        Literal["foreground", "all"], _say("all: those of the minibatch, 255 too, as published")
    ] = "foreground"
    class_mix: Annotated[Share, _say("probability of ClassMix, else CutMix")] = 0.5
    # further terms
    feature_distance: Annotated[
        Weight, _say("weight of the distance to the features of ImageNet")
    ] = 0.0
    feature_classes: Annotated[
        tuple[Annotated[int, Field(ge=0, le=254)], ...],
        Field(strict=False),
        _say("where; empty: every foreground class"),
    ] = ()
    feature_ratio: Annotated[Share, _say("share of a cell that its class must fill")] = 0.75
    masked_weight: Annotated[Weight, _say("of masked image consistency (MIC)")] = 0.0
    masked_ratio: Annotated[Share, _say("share of the blocks that are hidden")] = 0.7
    masked_block_px: Annotated[int, Field(ge=1, le=8192), _say("side of such a block")] = 16
    # crops and augmentation
    rare_class: Annotated[Share, _say("probability that a crop is drawn for a class")] = 0.75
    rare_temperature: Annotated[
        float, Field(gt=0, le=1_000_000), _Number, _say("low: the rarest class only")
    ] = 0.25
    rare_pixels: Annotated[
        int, Field(ge=0, le=1_000_000_000), _say("an image holds a class with more pixels of it")
    ] = 15
    rare_crops: Annotated[
        Literal["aimed", "redrawn"], _say("redrawn: uniform, again until it holds enough")
    ] = "aimed"
    rare_crop_ratio: Annotated[
        Weight, _say("times rare_pixels, what a redrawn crop must hold more than")
    ] = 2.0
    framing: Annotated[
        Literal["native", "fit"], _say("fit: the whole image, scaled into the crop")
    ] = "native"
    scale_low: Annotated[Scale, _say("smallest scale of a crop")] = 0.75
    scale_high: Annotated[Scale, _say("largest scale of a crop")] = 1.5
    turns: Annotated[Literal["square", "mirror", "none"], _say("square: all eight symmetries")] = (
        "square"
    )
    labeled_jitter: Annotated[Share, _say("strength of colour jitter on labeled crops")] = 0.2
    strong_law: Annotated[
        Literal["image", "published"], _say("published: kornia's jitter, once for the minibatch")
    ] = "image"
    mixed_jitter: Annotated[Share, _say("strength of colour jitter on mixed crops")] = 0.5
    jitter_chance: Annotated[Share, _say("of jitter by the published law")] = 0.8
    blur: Annotated[Share, _say("probability of blur on mixed crops")] = 0.5
    # inference
    window_px: Annotated[Context, _say("larger images are cut into windows of this side")] = 1024
    detail_window_px: Annotated[Window, _say("side of a detail window, the teacher's too")] = 512
    detail_overlap: Annotated[bool, _say("detail windows overlap by half")] = True
    overlap_megapixels: Annotated[
        float,
        Field(ge=0, le=100_000),
        _Number,
        _say("larger images are cut into windows that do not overlap: a seventh of the time"),
    ] = 16.0
    chunk: Annotated[int, Field(ge=1, le=65_536), _say("detail windows a forward pass")] = 16
    # keeping
    save_every_s: Annotated[
        float, Field(ge=0, le=1e9), _Number, _say("seconds between two saved states")
    ] = 60.0
    keep_best: Annotated[bool, _say("keep the model that was best on validation")] = False
    validations: Annotated[
        int, Field(ge=1, le=1_000_000), _say("how often it is measured then, evenly")
    ] = 10

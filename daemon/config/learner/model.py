"""Every setting of the learner: its type, range, default and meaning.

Sources: HRDA (Hoyer, Dai, Van Gool, ECCV 2022), DAFormer (CVPR 2022), MIC (CVPR 2023),
Supervisely's HRDA app. daemon/hrda/METHOD.md says what each does and how the presets differ.
Further ones, all off by default, are in pool_learning.py.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from daemon.config.learner.pool_learning import PoolLearning
from daemon.config.ranges import PathText, Share

GRID_PX = 64  # sides of context crops are multiples of it: half of it divides by stride 32
WINDOW_GRID_PX = 32  # sides of detail windows are multiples of it: the deepest stride


def _setting(default: Any, description: str) -> Any:
    return Field(default=default, description=description)


_FINITE = Field(allow_inf_nan=False)
ContextPx = Annotated[int, Field(ge=GRID_PX, le=8192, multiple_of=GRID_PX)]
WindowPx = Annotated[int, Field(ge=WINDOW_GRID_PX, le=8192, multiple_of=WINDOW_GRID_PX)]
BlockPx = Annotated[int, Field(ge=1, le=8192)]
MarginPx = Annotated[int, Field(ge=0, le=100_000)]
PixelCount = Annotated[int, Field(ge=0, le=1_000_000_000)]
ImageCount = Annotated[int, Field(ge=0, le=1_000_000)]
Iterations = Annotated[int, Field(ge=1, le=10_000_000)]
Validations = Annotated[int, Field(ge=1, le=1_000_000)]
Crops = Annotated[int, Field(ge=1, le=1024)]
Channels = Annotated[int, Field(ge=1, le=4096)]
Windows = Annotated[int, Field(ge=1, le=65_536)]
ClassIndex = Annotated[int, Field(ge=0, le=254)]
PositiveShare = Annotated[float, Field(gt=0, le=1), _FINITE]
Weight = Annotated[float, Field(ge=0, le=1000), _FINITE]
LearningRate = Annotated[float, Field(gt=0, le=10), _FINITE]
SmallNumber = Annotated[float, Field(ge=0, le=10), _FINITE]
Scale = Annotated[float, Field(gt=0, le=100), _FINITE]
RateFactor = Annotated[float, Field(gt=0, le=10_000), _FINITE]
Temperature = Annotated[float, Field(gt=0, le=1_000_000), _FINITE]
Norm = Annotated[float, Field(ge=0, le=1_000_000), _FINITE]
Megapixels = Annotated[float, Field(ge=0, le=100_000), _FINITE]
Seconds = Annotated[float, Field(ge=0, le=1e9), _FINITE]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(strict=True, extra="forbid"))
class Settings(PoolLearning):
    """The settings of a training; the defaults are the preset `cpu`.

    Lengths are pixels of the original image; shares and probabilities lie in [0, 1]. A value of
    another type or outside its range raises pydantic's ValidationError; `settings_of` puts all
    faults into words.
    """

    preset: str = _setting("cpu", "the preset that gives all other settings their values")
    method: str = _setting(
        "hrda",
        "hrda; supervised: labeled images only; segformer: the same with SegFormer's network",
    )
    # network
    architecture: Literal["hrda", "segformer"] = _setting(
        "hrda", "the network; segformer: one scale with an all-MLP head"
    )
    encoder: str = _setting(
        "efficientnet_lite0", "name of the encoder: ours, of mmseg's registry, or your own"
    )
    encoder_config: str = _setting(
        "", "JSON object: arguments of an encoder of mmseg's registry or of your own"
    )
    encoder_module: str = _setting(
        "", "Python module that registers your own encoder; imported before it is built"
    )
    encoder_weights: PathText = _setting(
        "", 'file or URL of ImageNet weights; "": those of the package; "none": random weights'
    )
    encoder_weights_sha256: str = _setting("", "SHA-256 of the file of weights; required for a URL")
    width: Channels = _setting(64, "channels of the decoder")
    fusion: Literal["conv1", "sepaspp", "aspp"] = _setting(
        "conv1", "how the decoder fuses its maps: a 1x1 convolution, separable ASPP or full ASPP"
    )
    dropout: Share = _setting(0.1, "dropout probability in the decoder")
    context_px: ContextPx = _setting(
        256, "side of a training crop (the context, processed at half scale)"
    )
    detail_px: WindowPx = _setting(
        128, "side of the detail window inside a training crop (processed at full scale)"
    )
    crops_by_images: bool = _setting(
        False,
        "lower context_px to the median size of the labeled images, and detail_px in proportion",
    )
    detail_boxes: Literal["all", "published"] = _setting(
        "all", "positions of the detail window; published: never the last 8 pixels of the crop"
    )
    scales_together: bool = _setting(
        True, "process context and detail in one minibatch where their sizes agree"
    )
    attention_classwise: bool = _setting(
        True, "scale attention has a map for each class; false: one map for all"
    )
    fixed_attention: Share | None = _setting(
        None, "constant weight of the detail instead of the learned scale attention"
    )
    # optimisation
    iterations: Iterations = _setting(600, "optimizer steps of a training")
    minibatch: Crops = _setting(4, "labeled crops in each iteration")
    unlabeled_minibatch: Crops = _setting(
        4, "unlabeled crops in each iteration; at most as many as labeled ones"
    )
    optimizer: Literal["adamw", "sgd"] = _setting("adamw", "optimizer")
    learning_rate: LearningRate = _setting(2e-3, "highest learning rate of the encoder")
    learning_rate_least: SmallNumber = _setting(0.0, 'learning rate at the end of schedule "poly"')
    head_rate: RateFactor = _setting(
        3.0, "learning rate of the decoder and attention, as a multiple of the encoder's"
    )
    weight_decay: SmallNumber = _setting(0.01, "weight decay")
    no_decay: Literal["norms_biases", "encoder_norms"] = _setting(
        "norms_biases", "parameters without weight decay; encoder_norms: as published"
    )
    schedule: Literal["linear", "poly"] = _setting(
        "linear",
        "learning rate schedule; poly: as published, it decays from the first iteration on",
    )
    warmup: Share = _setting(0.05, "share of the iterations with a rising learning rate")
    warmup_ratio: Share = _setting(
        1e-6, 'share of the learning rate at which the warm-up of schedule "poly" starts'
    )
    warm_start_rate: Scale = _setting(
        0.5, "factor of the learning rate when a training starts from a previous model"
    )
    clip_norm: Norm = _setting(
        10.0, "largest norm of the gradient; larger ones are scaled; 0: none"
    )
    detail_loss: Share = _setting(0.1, "share of the detail window in the loss")
    context_loss: Share = _setting(0.0, "share of the context in the loss")
    loss_over: Literal["labeled", "all"] = _setting(
        "labeled", "pixels that the loss is averaged over; all: unlabeled ones too, as published"
    )
    class_balance: Share = _setting(
        0.5, "class weights are inverse class frequency to this power; 0: all equal"
    )
    dice_loss: Weight = _setting(0.5, "weight of the Dice loss on labeled crops")
    prior_correction: Share = _setting(
        1.0, "how far the logits are adjusted from the trained to the labeled class prior; 0: not"
    )
    prior_images: ImageCount = _setting(
        24, "labeled images with a class at which it gets half of the prior correction"
    )
    prior_images_alone: ImageCount = _setting(
        100, "the same for a training without unlabeled images"
    )
    pool_doubt: Weight = _setting(
        0.5,
        "relative standard error of a class's labeled share at which the pool's estimate counts as "
        "much as the labels; 0: labels only",
    )
    precision: Literal["auto", "fp32", "bf16"] = _setting(
        "auto",
        "number format of the networks; auto: bf16 where it is faster, but fp32 for figures of "
        "test images and for exports",
    )
    tf32: bool = _setting(
        False,
        "on a GPU compute float32 products in TF32: several times faster, 10 bits of mantissa",
    )
    # teacher and pseudo-labels
    alpha: Share = _setting(0.97, "momentum of the teacher's exponential moving average")
    teacher_norms: Literal["ema", "batch"] = _setting(
        "ema", "statistics of the teacher's norms: averaged, or of the minibatch (as published)"
    )
    teacher_overlap: bool = _setting(False, "detail windows of the teacher overlap by half")
    evaluated: Literal["teacher", "student"] = _setting(
        "teacher", "the network that is evaluated and kept as the model"
    )
    unlabeled_weight: Weight = _setting(1.0, "weight of the losses on unlabeled images")
    unlabeled_start: Share = _setting(
        0.15, "share of the iterations before unlabeled images are used"
    )
    unlabeled_ramp: Share = _setting(
        0.25, "share of the iterations in which the weight of unlabeled images rises after that"
    )
    pseudo_weight: Literal["class", "batch"] = _setting(
        "class", "weight of pseudo-labels: by class, or one for the minibatch (as published)"
    )
    threshold_background: Share = _setting(
        0.95, "confidence from which a pseudo-label of background counts"
    )
    threshold_foreground: Share = _setting(
        0.95, "confidence from which a pseudo-label of another class counts"
    )
    prior_alignment: Share = _setting(
        0.5, "how far pseudo-labels are aligned to the labeled class shares; 0: not, 1: fully"
    )
    mask_padding: bool = _setting(True, "padding around an image gets no pseudo-label")
    pseudo_margins_px: Annotated[tuple[MarginPx, ...], Field(strict=False)] = _setting(
        (0, 0, 0, 0),
        "margins of the image without pseudo-labels: top, bottom, left, right",
    )
    ignore_top_px: MarginPx = _setting(
        0, "rows at the top of an unlabeled crop whose pseudo-labels have no weight"
    )
    ignore_bottom_px: MarginPx = _setting(
        0, "rows at the bottom of an unlabeled crop whose pseudo-labels have no weight"
    )
    mix_classes: Literal["foreground", "all", "regions"] = _setting(
        "foreground",
        "classes that ClassMix pastes; all: background and 255 too, as published; regions: every "
        "foreground class of the labeled crop, and never a CutMix box (class_mix is unused)",
    )
    class_mix: Share = _setting(0.5, "probability of ClassMix; otherwise CutMix")
    # further losses
    feature_distance: Weight = _setting(
        0.0, "weight of the distance between the student's and ImageNet's features"
    )
    feature_classes: Annotated[tuple[ClassIndex, ...], Field(strict=False)] = _setting(
        (), "indices of the classes for the feature distance; empty: all but background"
    )
    feature_ratio: Share = _setting(
        0.75, "share of a feature cell that its class must fill for the feature distance"
    )
    masked_weight: Weight = _setting(0.0, "weight of masked image consistency (MIC)")
    masked_ratio: Share = _setting(0.7, "share of the blocks that masked consistency hides")
    masked_block_px: BlockPx = _setting(16, "side of the blocks that masked consistency hides")
    # crops and augmentation
    rare_class: Share = _setting(
        0.75, "probability that a labeled crop is drawn for a class, rare ones more often"
    )
    rare_temperature: Temperature = _setting(
        0.25, "temperature of the class draw; the lower, the more often the rarest class"
    )
    rare_pixels: PixelCount = _setting(
        15, "an image can be drawn for a class with more than this many pixels of it"
    )
    rare_crops: Literal["aimed", "redrawn"] = _setting(
        "aimed", "a crop for a class: placed on it, or drawn again until it holds it (as published)"
    )
    rare_crop_ratio: Weight = _setting(
        2.0, "pixels of the class that a redrawn crop must exceed, as a multiple of rare_pixels"
    )
    largest_class_share: PositiveShare = _setting(
        1.0,
        "a labeled crop is drawn again, up to 10 times, while one class has this share of its "
        "labeled pixels; 1: never",
    )
    framing: Literal["native", "fit"] = _setting(
        "native",
        "crops at the image's scale; fit: the whole image scaled into the crop, at inference too",
    )
    scale_low: Scale = _setting(0.75, "smallest random scale of a crop")
    scale_high: Scale = _setting(1.5, "largest random scale of a crop")
    turns: Literal["square", "mirror", "none"] = _setting(
        "square", "random symmetries of crops; square: rotations by 90 degrees and flips"
    )
    labeled_jitter: Share = _setting(0.2, "strength of colour jitter on labeled crops")
    strong_law: Literal["image", "published"] = _setting(
        "image",
        "jitter and blur drawn for each image; published: once a minibatch, kornia's jitter",
    )
    mixed_jitter: Share = _setting(0.5, "strength of colour jitter on mixed and masked crops")
    jitter_chance: Share = _setting(
        0.8, 'probability of colour jitter with strong_law = "published"'
    )
    blur: Share = _setting(0.5, "probability of Gaussian blur on mixed and masked crops")
    # inference
    window_px: ContextPx = _setting(
        1024, "side of the context windows into which larger images are cut"
    )
    detail_window_px: WindowPx = _setting(
        512, "side of a detail window at inference, the teacher's too"
    )
    detail_overlap: bool = _setting(True, "detail windows overlap by half at inference")
    overlap_megapixels: Megapixels = _setting(
        16.0, "megapixels above which the windows of an image do not overlap: a seventh of the time"
    )
    chunk: Windows = _setting(16, "most detail windows in one forward pass")
    # saving
    save_every_s: Seconds = _setting(60.0, "seconds between two saved states of a training")
    keep_best: bool = _setting(
        False, "keep the model with the best validation mIoU instead of the final one"
    )
    validations: Validations = _setting(
        10, "number of validations in a training with keep_best, evenly spaced"
    )

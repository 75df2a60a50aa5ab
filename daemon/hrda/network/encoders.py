"""The encoders: four feature maps at strides 4, 8, 16 and 32, with ImageNet weights.

EfficientNet-Lite0 to 2: Tan and Le, ICML 2019, in the form of the package
`efficientnet_lite_pytorch`. MixVisionTransformer: SegFormer, Xie et al., NeurIPS 2021, of mmseg.
Any other class of mmseg's registry MODELS is built by its name, an admin's own too.
"""

from __future__ import annotations

import functools
import importlib
import json
import logging
import warnings
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from daemon.config.learner import Settings
from daemon.domain.errors import ConfigError
from daemon.domain.moved_modules import failed_import
from daemon.hrda.network import mit_names
from daemon.hrda.network.mmlab import MODELS, BaseModule, register_all
from daemon.hrda.network.weight_files import differences, encoder_tensors, fitting_tensors
from daemon.hrda.network.weights import weights_file

log = logging.getLogger(__name__)

NORM_MOMENTUM = 0.05  # the package has 0.01: too slow for trainings of a few hundred steps
STRIDES = (4, 8, 16, 32)


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """An encoder's mmengine config, channels of its maps, mean and std of RGB in 0..255."""

    config: dict[str, Any]
    channels: tuple[int, int, int, int]
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)


def _mit(embed: int, depths: list[int]) -> EncoderSpec:
    heads = [1, 2, 5, 8]
    config = {
        "type": "MixVisionTransformer",
        "embed_dims": embed,
        "num_layers": depths,
        "num_heads": heads,
        "drop_path_rate": 0.1,
    }
    channels = (embed, embed * 2, embed * 5, embed * 8)
    return EncoderSpec(config=config, channels=channels)


def _lite(number: int, *channels: int) -> EncoderSpec:
    return EncoderSpec(
        config={"type": f"EfficientNetLite{number}"},
        channels=(channels[0], channels[1], channels[2], channels[3]),
        mean=(127.0, 127.0, 127.0),
        std=(128.0, 128.0, 128.0),
    )


ENCODERS: dict[str, EncoderSpec] = {
    "efficientnet_lite0": _lite(0, 24, 40, 112, 320),
    "efficientnet_lite1": _lite(1, 24, 40, 112, 320),
    "efficientnet_lite2": _lite(2, 24, 48, 120, 352),
    "mit_b0": _mit(32, [2, 2, 2, 2]),
    "mit_b1": _mit(64, [2, 2, 2, 2]),
    "mit_b2": _mit(64, [3, 4, 6, 3]),
    "mit_b3": _mit(64, [3, 4, 18, 3]),
    "mit_b4": _mit(64, [3, 8, 27, 3]),
    "mit_b5": _mit(64, [3, 6, 40, 3]),
}


@MODELS.register_module()
class EfficientNetLite0(BaseModule):
    """EfficientNet-Lite0 without its classifier.

    forward: (B, 3, H, W) with H and W multiples of 32 -> 24, 40, 112 and 320 channels at
    strides 4, 8, 16 and 32.
    """

    VARIANT = "efficientnet-lite0"  # the package's name of it
    LAST_BLOCKS = (2, 4, 10, 15)  # the last block of each stride

    def __init__(self) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from efficientnet_lite_pytorch import EfficientNet
        net = EfficientNet.from_name(self.VARIANT)
        for module in net.modules():
            _fold_padding(module)
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = NORM_MOMENTUM
            if isinstance(module, nn.ReLU6):
                module.inplace = True  # the norm before it does not need what it overwrites
        self.stem, self.stem_norm, self.blocks = net._conv_stem, net._bn0, net._blocks
        self.drop_connect = float(net._global_params.drop_connect_rate)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Four feature maps, the finest first."""
        x = nn.functional.relu6(self.stem_norm(self.stem(image)), inplace=True)
        features = []
        for row, block in enumerate(self.blocks):
            x = block(x, drop_connect_rate=self.drop_connect * row / len(self.blocks))
            if row in self.LAST_BLOCKS:
                features.append(x)
        return tuple(features)

    def init_weights(self) -> None:
        """Nothing to do: the package has initialised them."""

    def names_in_file(self) -> dict[str, str]:
        """Our tensor names -> the names in the ImageNet file."""
        parts = {"stem.": "_conv_stem.", "stem_norm.": "_bn0.", "blocks.": "_blocks."}
        names = {}
        for name in self.state_dict():
            ours = next(part for part in parts if name.startswith(part))
            names[name] = parts[ours] + name.removeprefix(ours)
        return names


@MODELS.register_module()
class EfficientNetLite1(EfficientNetLite0):
    """EfficientNet-Lite1: deeper, with the same channels."""

    VARIANT = "efficientnet-lite1"
    LAST_BLOCKS = (3, 6, 14, 20)


@MODELS.register_module()
class EfficientNetLite2(EfficientNetLite0):
    """EfficientNet-Lite2: as deep as Lite1, with 24, 48, 120 and 352 channels."""

    VARIANT = "efficientnet-lite2"
    LAST_BLOCKS = (3, 6, 14, 20)


def _fold_padding(module: nn.Module) -> None:
    """Move a symmetric padding layer into its convolution: saves a copy."""
    pad = getattr(module, "static_padding", None)
    if (
        isinstance(pad, nn.ZeroPad2d)
        and len(set(pad.padding)) == 1
        and isinstance(module, nn.Conv2d)
    ):
        module.padding = (pad.padding[0], pad.padding[0])
        module.static_padding = nn.Identity()


def encoder_spec(settings: Settings) -> EncoderSpec:
    """One of ENCODERS, or an encoder of mmseg's registry. Raises ConfigError."""
    if settings.encoder in ENCODERS:
        return ENCODERS[settings.encoder]
    return _registered(settings.encoder, settings.encoder_config, settings.encoder_module)


def build_encoder(settings: Settings) -> nn.Module:
    """The encoder with random weights. Raises ConfigError."""
    return _build(settings.encoder, encoder_spec(settings).config)


@functools.lru_cache(maxsize=8)
def _registered(name: str, config: str, module: str) -> EncoderSpec:
    """An encoder of the registry: a dry run gives its channels and checks its strides."""
    if module:
        try:
            importlib.import_module(module)
        except ImportError as exc:
            raise ConfigError(
                f"encoder_module = {module!r}: cannot be imported: {failed_import(exc, module)}"
            ) from exc
        except Exception as exc:  # an admin's code may raise anything
            raise ConfigError(
                f"encoder_module = {module!r}: cannot be imported ({type(exc).__name__}: {exc}); "
                f"put its folder on PYTHONPATH, or install it"
            ) from exc
    try:
        arguments = json.loads(config or "{}")
    except ValueError as exc:
        raise ConfigError(
            f"encoder_config = {config!r}: is no JSON: {exc}; expected an object of arguments"
        ) from exc
    if not isinstance(arguments, dict):
        raise ConfigError(f"encoder_config = {config!r}: expected a JSON object of arguments")
    register_all()
    if MODELS.get(name) is None:
        raise ConfigError(
            f"encoder = {name!r}: expected one of {', '.join(ENCODERS)}, or a name in mmseg's "
            f"registry MODELS; a class of your own gets there by encoder_module"
        )
    kind = {"type": name, **arguments}
    encoder = _build(name, kind)
    default = EncoderSpec(config=kind, channels=(0, 0, 0, 0))
    return EncoderSpec(
        config=kind,
        channels=_channels(name, encoder),
        mean=getattr(encoder, "mean", default.mean),
        std=getattr(encoder, "std", default.std),
    )


def _build(name: str, config: dict[str, Any]) -> nn.Module:
    if config["type"] == "MixVisionTransformer":
        importlib.import_module("mmseg.models.backbones.mit")  # registers it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            encoder: nn.Module = MODELS.build(config)
    except Exception as exc:  # mmengine raises what the constructor raises
        raise ConfigError(
            f"encoder = {name!r}: cannot be built from {config}: {exc}; correct encoder_config"
        ) from exc
    initialise = getattr(encoder, "init_weights", None)
    if initialise is not None:
        initialise()
    return encoder


@torch.no_grad()
def _channels(name: str, encoder: nn.Module) -> tuple[int, int, int, int]:
    """The channels of its four maps. Raises ConfigError unless their strides are 4, 8, 16, 32."""
    side = 2 * STRIDES[-1]
    try:
        encoder.eval()  # some return None from it
        maps = tuple(encoder(torch.zeros(1, 3, side, side)))
        sizes = [tuple(x.shape[2:]) for x in maps]
    except Exception as exc:  # whatever its forward raises
        raise ConfigError(
            f"encoder = {name!r}: fails on an image of {side}x{side} pixels: {exc}"
        ) from exc
    if sizes != [(side // stride, side // stride) for stride in STRIDES]:
        raise ConfigError(
            f"encoder = {name!r}: gives maps of {sizes} for {side}x{side} pixels; expected four, "
            f"at strides 4, 8, 16 and 32; set out_indices, strides and dilations in encoder_config"
        )
    first, second, third, fourth = (int(x.shape[1]) for x in maps)
    return first, second, third, fourth


def load_imagenet(encoder: nn.Module, settings: Settings) -> None:
    """Load the encoder's weights: "" means those of the package, "none" leaves it random.

    Names are those of mmseg, or of NVIDIA's SegFormer. Raises ConfigError when the file cannot be
    read, has fewer than 95 % of the tensors, or numbers that are not finite.
    """
    name = settings.encoder
    if settings.encoder_weights == "none":
        log.warning("encoder %s starts from random weights; its results are no baseline", name)
        return
    path = weights_file(name, settings.encoder_weights, settings.encoder_weights_sha256)
    own = encoder.state_dict()
    found = encoder_tensors(path)
    if mit_names.FIRST in found and mit_names.FIRST not in own:
        found = mit_names.mmseg_names(found)
    names: dict[str, str] = getattr(encoder, "names_in_file", dict)()
    ours = {theirs: key for key, theirs in names.items()}
    found = {ours.get(key, key): tensor for key, tensor in found.items()}
    fitting = fitting_tensors(path, name, own, found)
    encoder.load_state_dict({**own, **fitting})
    if len(fitting) < len(own):
        log.warning("encoder=%s weights=%s not complete%s", name, path, differences(own, found))
    log.info("encoder=%s weights=%s matched=%d of=%d", name, path, len(fitting), len(own))

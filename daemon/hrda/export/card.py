"""The card of a model out of its network: classes, windows, where its first weights came from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from daemon.config.learner import GRID_PX, Settings
from daemon.domain.class_colours import COLOURS
from daemon.domain.errors import ConfigError
from daemon.hrda.export.window_graph import INPUTS, LEAST_PX
from daemon.hrda.inference.framing import fits
from daemon.hrda.inference.whole_images import detail_stride
from daemon.hrda.network.encoders import encoder_spec
from daemon.hrda.network.heads import STRIDE
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.network.weights import PACKAGES, packaged_weights
from daemon.runs.checksums import sha256_of
from daemon.runs.model_card import (
    ClassEntry,
    ModelCard,
    ModelFacts,
    WeightsOrigin,
    WindowFacts,
)

BACKGROUND_COLOUR = "#000000"
_APACHE = "Licence of that file: Apache-2.0 (LICENSE of its package)"
_NVIDIA = (
    "SegFormer's published ImageNet weights have NVIDIA's source code licence, for research and "
    "evaluation only; the licence of the file that was used here is for you to look up"
)
_OWN = "The licence of that file is for you to look up"


def card_of(net: Segmentor, classes: Sequence[str], facts: ModelFacts) -> ModelCard:
    """The card of a network, without files."""
    settings = dataclasses.asdict(net.settings)
    settings["encoder_weights"] = _public_name(net.settings.encoder_weights)
    return ModelCard(
        facts=facts,
        classes=tuple(
            ClassEntry(value=value, name=name, colour=_colour(value, facts))
            for value, name in enumerate(classes)
        ),
        settings=settings,
        weights=weights_origin(net.settings),
        window=window_facts(net),
        maskloop=_version(),
    )


def _colour(value: int, facts: ModelFacts) -> str:
    """That of the pages, where the loop says it; else as they have it for a background that nobody
    draws."""
    usual = COLOURS[(value - 1) % len(COLOURS)] if value else BACKGROUND_COLOUR
    return facts.colours.get(value, usual)


def window_facts(net: Segmentor) -> WindowFacts:
    """The windows of `whole_images.windows`, as numbers."""
    settings, fit = net.settings, fits(net.settings)
    side = settings.context_px if fit else settings.window_px
    mean = encoder_spec(settings).mean
    usual = (max(GRID_PX, side // 2 // GRID_PX * GRID_PX), detail_stride(net))
    large = (side, settings.detail_window_px)
    if fit:  # the size of the square counts, not that of the image
        usual = large = large if side * side > settings.overlap_megapixels * 1e6 else usual
    return WindowFacts(
        inputs=INPUTS[:1] if settings.architecture == "segformer" else INPUTS,
        grid_px=GRID_PX,
        least_px=LEAST_PX,
        cell_px=STRIDE,
        fill=(float(round(mean[0])), float(round(mean[1])), float(round(mean[2]))) if fit else mean,
        fit=fit,
        window_px=side,
        detail_px=settings.detail_window_px,
        steps_px=usual,
        large_px=settings.overlap_megapixels * 1e6,
        large_steps_px=large,
    )


def weights_origin(settings: Settings) -> WeightsOrigin:
    """Where the encoder's first weights came from, and their licence as far as it is known."""
    name, weights = settings.encoder, settings.encoder_weights
    if weights == "none":
        source, licence = "random weights", "They are nobody's"
    elif not weights and name in PACKAGES:
        package = PACKAGES[name][0].replace("_", "-")
        source, licence = f"the ImageNet weights in the package {package}", _APACHE
    else:
        source = f"a file of weights, {_public_name(weights)}"
        licence = _NVIDIA if name.startswith("mit_") else _OWN
    return WeightsOrigin(encoder=name, source=source, licence=licence, sha256=_digest(settings))


def _digest(settings: Settings) -> str | None:
    if settings.encoder_weights == "none":
        return None
    if settings.encoder_weights_sha256:
        return settings.encoder_weights_sha256.strip().lower()
    try:
        return sha256_of(Path(settings.encoder_weights or packaged_weights(settings.encoder)))
    except (ConfigError, OSError):
        return None


def _public_name(weights: str) -> str:
    """The name of a file, or an address without user, password and query: the card goes to others,
    who need not see the folders of this machine."""
    parts = urlsplit(weights)
    if parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    return Path(weights).name


def _version() -> str:
    try:
        return version("maskloop")
    except PackageNotFoundError:
        return "unknown"

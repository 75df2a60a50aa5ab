"""The file of a click network: written whole or not at all, read with weights_only=True."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from daemon.config.learner import settings_of
from daemon.domain.errors import RunFailed
from daemon.hrda.click_net.click_engine import ClickNetEngine
from daemon.hrda.click_net.click_network import ENCODER, ClickNetwork
from daemon.hrda.network.encoders import load_imagenet
from daemon.hrda.training.checkpoint import read_weights
from daemon.runs.durable import atomic_file

log = logging.getLogger(__name__)

FORMAT = 1
KIND = "click_net"
LITE = tuple(f"efficientnet_lite{number}" for number in range(3))


@dataclass(frozen=True, kw_only=True)
class ClickModel:
    """A trained network. first_px, px: see ClickNetEngine. learned: sha256 of the images from which
    it and its parents learned. knows_prior: whether some of these had a prior map."""

    net: ClickNetwork
    encoder: str
    first_px: int
    px: int
    classes: tuple[str, ...]
    learned: frozenset[str]
    knows_prior: bool

    def engine(self, device: torch.device) -> ClickNetEngine:
        """The engine with this network."""
        return ClickNetEngine(
            self.net,
            device,
            first_px=self.first_px,
            px=self.px,
            knows_prior=self.knows_prior,
        )


def write_click_model(path: Path, model: ClickModel) -> None:
    """Write the file, durably."""
    content = {
        "format": FORMAT,
        "kind": KIND,
        "encoder": model.encoder,
        "first_px": model.first_px,
        "px": model.px,
        "classes": list(model.classes),
        "learned": sorted(model.learned),
        "knows_prior": model.knows_prior,
        "weights": {name: value.cpu() for name, value in model.net.state_dict().items()},
    }
    with atomic_file(path) as part, part.open("wb") as file:
        torch.save(content, file)


def read_click_model(path: Path) -> ClickModel:
    """The network of a file. Raises RunFailed where it is damaged or of another kind."""
    content = read_weights(path)
    try:
        _require_kind(content)
        net = ClickNetwork(content["encoder"])
        net.load_state_dict(content["weights"])
        return ClickModel(
            net=net,
            encoder=content["encoder"],
            first_px=int(content["first_px"]),
            px=int(content["px"]),
            classes=tuple(content["classes"]),
            learned=frozenset(content["learned"]),
            knows_prior=bool(content["knows_prior"]),
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as exc:
        raise RunFailed(
            f"{path}: is no click network of this version: {exc}; train one with "
            f"`maskloop train-clicks`, or name another file"
        ) from exc


def _require_kind(content: Mapping[str, Any]) -> None:
    if content["kind"] != KIND or content["encoder"] not in LITE:
        raise ValueError(f"kind {content['kind']!r}, encoder {content['encoder']!r}")


def first_network(
    settings: Mapping[str, Any], parent: ClickModel | None, teacher: Path | None
) -> tuple[ClickNetwork, str]:
    """The network from which a training starts, and the name of its encoder.

    The decoder is the parent's; the encoder is the teacher's where it has the same, else the
    parent's, else ImageNet's. settings: of the learner, for the encoder and its weights.
    """
    known = settings_of(settings)
    encoder = known.encoder if known.encoder in LITE else ENCODER
    net = ClickNetwork(encoder)
    if parent is not None and parent.encoder == encoder:
        net.load_state_dict(parent.net.state_dict())
    else:
        weights = known.encoder_weights if encoder == known.encoder else ""
        load_imagenet(net.encoder, settings_of({"encoder": encoder, "encoder_weights": weights}))
    if teacher is not None:
        _take_encoder(net, encoder, teacher)
    return net, encoder


def usable_parent(path: Path | None, validation: Iterable[str]) -> ClickModel | None:
    """The parent; None, and a line in the log, where it cannot be read or learned from validation.

    validation: sha256 of the images at which the network will be measured.
    """
    if path is None:
        return None
    try:
        parent = read_click_model(path)
    except RunFailed as exc:
        log.warning("starting without the last click network: %s", exc)
        return None
    seen = parent.learned & set(validation)
    if seen:
        log.warning(
            "starting without the last click network: it learned from %d images that are "
            "validation now", len(seen),
        )  # fmt: skip
        return None
    return parent


def _take_encoder(net: ClickNetwork, encoder: str, teacher: Path) -> None:
    content = read_weights(teacher)
    settings: dict[str, Any] = dict(content.get("settings", {}))
    if settings.get("encoder") != encoder:
        log.info("the model's encoder is %s: not taken", settings.get("encoder"))
        return
    found = {
        name.removeprefix("encoder."): value
        for name, value in content["weights"].items()
        if name.startswith("encoder.")
    }
    net.encoder.load_state_dict(found)

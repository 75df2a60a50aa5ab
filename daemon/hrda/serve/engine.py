"""A model that predicts pictures, without any protocol: the base of HTTP and of an ML backend.

Pictures are decoded where they are predicted, one after the other: the memory of a request is that
of one picture, however many wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from daemon import pixels
from daemon.domain.errors import RunFailed
from daemon.hrda.device import is_exported_in_bf16
from daemon.hrda.export.card import card_of
from daemon.hrda.inference.whole_images import ImagePrediction, predict_image
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.training.ready_model import ready_model
from daemon.runs.checksums import sha256_of
from daemon.runs.model_card import CARD, CHECKPOINT, FileEntry, ModelCard, ModelFacts
from daemon.runs.model_facts import facts_of
from daemon.runs.run_folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A network and its card. Not for several threads at once."""

    net: Segmentor
    card: ModelCard

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes by pixel value."""
        return tuple(one.name for one in self.card.classes)

    @property
    def digest(self) -> str:
        """The SHA-256 of the checkpoint, which names the model."""
        return self.card.files[CHECKPOINT].sha256

    def predict(self, content: bytes, *, where: str, max_pixels: int) -> ImagePrediction:
        """The prediction of a picture file. where: its name in messages. Raises ImageRefused."""
        picture = pixels.read_picture(content, where=where, max_pixels=max_pixels)
        return predict_image(self.net, picture)


def load_engine(model: Path, *, device: str, threads: int, precision: str = "auto") -> Engine:
    """The engine of a checkpoint, or of the folder of an export.

    precision: auto is that of the test figures: fp32, but bf16 where the model was trained with
    `precision` bf16. Raises ConfigError, RunFailed.
    """
    card = _card_of_export(model) if model.is_dir() else None
    checkpoint = model / CHECKPOINT if model.is_dir() else model
    digest = _digest(checkpoint)
    if card is not None and card.files[CHECKPOINT].sha256 != digest:
        raise RunFailed(
            f"{checkpoint}: its SHA-256 is {digest}; {CARD} says {card.files[CHECKPOINT].sha256}; "
            f"it is another file or damaged; export the model again"
        )
    wanted = {} if precision == "auto" else {"precision": precision}
    net, classes = ready_model(checkpoint, device=device, threads=threads, settings=wanted)
    net.bf16 = is_exported_in_bf16(net.settings)
    if card is None:
        card = card_of(net, classes, _facts(checkpoint))
        size = checkpoint.stat().st_size
        entry = {CHECKPOINT: FileEntry(sha256=digest, bytes=size)}
        card = card.model_copy(update={"files": entry})
    return Engine(net=net, card=card)


def _digest(checkpoint: Path) -> str:
    try:
        return sha256_of(checkpoint)
    except OSError as exc:
        raise RunFailed(
            f"{checkpoint}: cannot be read: {exc.strerror or exc}; expected a checkpoint of "
            f"Maskloop, or the folder of `maskloop export --model`"
        ) from exc


def _card_of_export(folder: Path) -> ModelCard:
    path = folder / CARD
    try:
        card = ModelCard.model_validate_json(path.read_bytes())
        if CHECKPOINT in card.files:
            return card
        why = f"it names no {CHECKPOINT}"
    except (OSError, ValueError) as exc:
        why = str(exc)
    raise RunFailed(
        f"{path}: cannot be read as the card of a model: {why}; expected the folder of `maskloop "
        f"export --model`, or the path of a checkpoint"
    )


def _facts(checkpoint: Path) -> ModelFacts:
    """What the run beside a checkpoint says; its name alone where there is none."""
    name = checkpoint.parent.name or checkpoint.stem
    run = RunFolder(checkpoint.parent)
    if checkpoint != run.checkpoint:
        return ModelFacts(name=checkpoint.stem)
    try:
        return facts_of(run, name=name)
    except RunFailed:
        return ModelFacts(name=name)

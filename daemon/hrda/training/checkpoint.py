"""Files of weights: always read with weights_only=True, always written whole or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from daemon.domain.errors import RunFailed
from daemon.hrda.learning.learner import Learner
from daemon.hrda.network.model import build_segmentor, is_class_row
from daemon.hrda.network.segmentor import Segmentor
from daemon.hrda.settings import Settings
from daemon.runs.durable import atomic_file
from daemon.runs.folder import RunFolder, TrainRequest

log = logging.getLogger(__name__)

FORMAT = 1
Weights = dict[str, Tensor]


def write_checkpoint(path: Path, net: Segmentor, classes: Sequence[str]) -> None:
    """Everything that `predict` needs: weights, class names, settings."""
    _write(
        path,
        {
            "format": FORMAT,
            "classes": list(classes),
            "settings": dataclasses.asdict(net.settings),
            "weights": net.state_dict(),
        },
    )


def read_checkpoint(path: Path, device: torch.device) -> tuple[Segmentor, tuple[str, ...]]:
    """The model, ready to predict, and its classes. Raises RunFailed."""
    content = read_weights(path)
    try:
        settings = Settings(**content["settings"])
        classes = tuple(content["classes"])
        net = build_segmentor(settings, len(classes))
        net.load_state_dict(content["weights"])
    except (KeyError, TypeError, ValueError, RuntimeError) as exc:
        raise RunFailed(f"{path}: is no checkpoint of this version: {exc}") from exc
    return net.to(device).eval().requires_grad_(False), classes


def read_weights(path: Path) -> dict[str, Any]:
    """The content of a file of ours. Raises RunFailed that says what is wrong with it."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as exc:  # torch raises many kinds for a broken file
        raise RunFailed(
            f"{path}: cannot be read ({type(exc).__name__}: {exc}); expected a whole file of "
            f"weights; train again, or name another checkpoint"
        ) from exc
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise RunFailed(f"{path}: expected a file of format {FORMAT}; train again")
    return content


def warm_start(
    net: Segmentor,
    parent: Path,
    classes: Sequence[str],
    parent_classes: Sequence[str] | None = None,
) -> list[str]:
    """Take over the parent's weights, class rows by name; the classes that were new.

    parent_classes: what the parent's classes are called now, where they were renamed.

    Raises RunFailed when the parent is another network.
    """
    content = read_weights(parent)
    theirs = [str(name) for name in parent_classes or content["classes"]]
    if len(theirs) != len(content["classes"]):
        raise RunFailed(
            f"{parent}: knows the classes {list(content['classes'])}, the request calls them "
            f"{theirs}; expected a name for each; set [training] warm_start = false once"
        )
    rows = [theirs.index(name) if name in theirs else None for name in classes]
    own = net.state_dict()
    for name, tensor in content["weights"].items():
        by_class = is_class_row(name) and len(tensor) == len(theirs)
        if name not in own or (own[name].shape != tensor.shape and not by_class):
            raise RunFailed(
                f"{parent}: {name} does not fit this network; train without a parent once "
                f"([training] warm_start = false), or keep the encoder and the width"
            )
        if not by_class:
            own[name].copy_(tensor)
            continue
        for row, their_row in enumerate(rows):
            if their_row is not None:
                own[name][row].copy_(tensor[their_row])
    return [name for name, row in zip(classes, rows, strict=True) if row is None]


def digest(request: TrainRequest, settings: Settings) -> str:
    """What a resumed training must have in common with the one that was stopped."""
    text = request.model_dump_json() + repr(settings)
    return hashlib.sha256(text.encode()).hexdigest()


def previous(resume: Path) -> Path:
    """Where the state before the last one is kept."""
    return resume.with_name("resume-previous.pth")


@dataclasses.dataclass(frozen=True, kw_only=True)
class State:
    """Where a training goes on: the iteration, the seconds spent, the best mIoU so far."""

    iteration: int = 0
    seconds: float = 0.0
    best_miou: float | None = None


def save_state(folder: RunFolder, learner: Learner, origin: str, state: State) -> None:
    """Keep everything that the next iteration depends on; the last such file stays too."""
    if folder.resume.exists():
        folder.resume.replace(previous(folder.resume))
    _write(
        folder.resume,
        {
            "format": FORMAT,
            "origin": origin,
            **dataclasses.asdict(state),
            "student": learner.student.state_dict(),
            "teacher": learner.teacher.state_dict(),
            "optimizer": learner.optimizer.state_dict(),
            "predicted_share": learner.predicted_share,
            "trained_pixels": learner.trained_pixels,
            "skipped": learner.skipped,
            "halved": learner.halved,
            "places": learner.places,
        },
    )


def load_state(folder: RunFolder, learner: Learner, origin: str) -> State:
    """Put the newest whole state back, and say where to go on.

    State() starts anew: there is no state, or none that can be read and fits the request.
    """
    for path in (folder.resume, previous(folder.resume)):
        if not path.exists():
            continue
        try:
            state = _state_of(path, origin)
            learner.student.load_state_dict(state["student"])
            learner.teacher.load_state_dict(state["teacher"])
            learner.optimizer.load_state_dict(state["optimizer"])
        except (RunFailed, KeyError, RuntimeError, ValueError) as exc:
            log.warning("cannot resume from it: %s", exc)
            continue
        learner.predicted_share.copy_(state["predicted_share"])
        learner.trained_pixels.copy_(state["trained_pixels"])
        learner.skipped, learner.halved = int(state["skipped"]), int(state["halved"])
        if learner.halved:  # or the number of processes says it
            learner.places = int(state["places"])
        log.info("resumed file=%s iteration=%d", path.name, state["iteration"])
        return State(**{field.name: state[field.name] for field in dataclasses.fields(State)})
    return State()


def _state_of(path: Path, origin: str) -> dict[str, Any]:
    state = read_weights(path)
    if state["origin"] != origin:
        raise RunFailed(f"{path}: belongs to another request, or to another version of Maskloop")
    return state


def forget_state(folder: RunFolder) -> None:
    """Remove what only an unfinished training needs."""
    for path in (folder.resume, previous(folder.resume)):
        path.unlink(missing_ok=True)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_file(path) as part, part.open("wb") as file:  # closed, so that it holds no space
        torch.save(dict(content), file)

"""Files of weights: read with weights_only=True, written atomically."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from daemon.config.learner import Settings
from daemon.domain.errors import RunFailed
from daemon.hrda.learning.learner import Learner
from daemon.hrda.network.hrda import build_segmentor, has_class_rows
from daemon.hrda.network.segmentor import Segmentor
from daemon.runs.durable import atomic_file
from daemon.runs.run_folder import RunFolder, TrainRequest

log = logging.getLogger(__name__)

FORMAT = 1


def write_checkpoint(path: Path, net: Segmentor, classes: Sequence[str]) -> None:
    """Write everything that `predict` needs: weights, class names, settings."""
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
        raise RunFailed(
            f"{path}: is no checkpoint of this version: {exc}; train again, or name another one"
        ) from exc
    return net.to(device).eval().requires_grad_(False), classes


def read_weights(path: Path) -> dict[str, Any]:
    """The content of a file that this module wrote. Raises RunFailed with the reason."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as exc:  # torch raises many kinds for a broken file
        raise RunFailed(
            f"{path}: cannot be read ({_reason(exc)}); expected a complete file of weights; train "
            f"again, or name another checkpoint"
        ) from exc
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise RunFailed(f"{path}: got another format, expected {FORMAT}; train again")
    return content


def _reason(exc: Exception) -> str:
    """Why a file could not be loaded. torch's own text is long, and advises to load it unsafely."""
    if isinstance(exc, pickle.UnpicklingError):
        return "it holds no plain weights, or is damaged"
    return f"{type(exc).__name__}: {str(exc).partition(chr(10))[0][:200]}"


def warm_start(
    net: Segmentor,
    parent: Path,
    classes: Sequence[str],
    parent_classes: Sequence[str] | None = None,
) -> list[str]:
    """Copy the parent's weights into the network, class rows by name; returns the new classes.

    parent_classes: the present names of the parent's classes, where they were renamed. Raises
    RunFailed when the parent is another network.
    """
    content = read_weights(parent)
    parent_names = [str(name) for name in parent_classes or content["classes"]]
    if len(parent_names) != len(content["classes"]):
        raise RunFailed(
            f"{parent}: knows the classes {list(content['classes'])}, the request calls them "
            f"{parent_names}; expected a name for each; set [training] warm_start = false once"
        )
    rows = [parent_names.index(name) if name in parent_names else None for name in classes]
    own = net.state_dict()
    for name, tensor in content["weights"].items():
        by_class = has_class_rows(name) and len(tensor) == len(parent_names)
        if name not in own or (own[name].shape != tensor.shape and not by_class):
            raise RunFailed(
                f"{parent}: {name} does not fit this network; train without a parent once "
                f"([training] warm_start = false), or keep the encoder and the width"
            )
        if not by_class:
            own[name].copy_(tensor)
            continue
        for row, parent_row in enumerate(rows):
            if parent_row is not None:
                own[name][row].copy_(tensor[parent_row])
    return [name for name, row in zip(classes, rows, strict=True) if row is None]


def request_digest(request: TrainRequest, settings: Settings) -> str:
    """The digest of everything that a resumed training must have in common with the stopped one."""
    text = request.model_dump_json(exclude={"previews"}) + repr(settings)
    return hashlib.sha256(text.encode()).hexdigest()


def previous_state_file(resume: Path) -> Path:
    """The file of the state before the last one."""
    return resume.with_name("resume-previous.pth")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ResumeState:
    """Where a training continues: the iteration, the seconds spent, the best validation mIoU.

    plateau_best, plateau_at, loss_sum, loss_count: see `Plateau`.
    """

    iteration: int = 0
    seconds: float = 0.0
    best_miou: float | None = None
    plateau_best: float | None = None
    plateau_at: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0


def save_state(folder: RunFolder, learner: Learner, origin: str, state: ResumeState) -> None:
    """Keep everything that the next iteration depends on, and the previous such file.

    The names inside the file are those of the first release, so that its states can be resumed.
    """
    if folder.resume.exists():
        folder.resume.replace(previous_state_file(folder.resume))
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
            "confusion": learner.confusion,
            "skipped": learner.skipped,
            "halved": learner.halvings,
            "places": learner.crops_at_once,
        },
    )


def load_state(folder: RunFolder, learner: Learner, origin: str) -> ResumeState:
    """Restore the newest readable state of this request into the learner.

    Returns ResumeState() where there is none: the training starts at its first iteration.
    """
    for path in (folder.resume, previous_state_file(folder.resume)):
        if not path.exists():
            continue
        try:
            state = _read_state(path, origin)
            learner.student.load_state_dict(state["student"])
            learner.teacher.load_state_dict(state["teacher"])
            learner.optimizer.load_state_dict(state["optimizer"])
        except (RunFailed, KeyError, RuntimeError, ValueError) as exc:
            log.warning("cannot resume: %s", exc)
            continue
        learner.predicted_share.copy_(state["predicted_share"])
        learner.trained_pixels.copy_(state["trained_pixels"])
        learner.confusion.copy_(state.get("confusion", learner.confusion))
        learner.skip_counts[0], learner.halvings = int(state["skipped"]), int(state["halved"])
        if learner.halvings:  # else the number of processes decides
            learner.crops_at_once = int(state["places"])
        log.info("resumed file=%s iteration=%d", path.name, state["iteration"])
        return ResumeState(
            **{field.name: state[field.name] for field in dataclasses.fields(ResumeState)}
        )
    return ResumeState()


def _read_state(path: Path, origin: str) -> dict[str, Any]:
    state = read_weights(path)
    if state["origin"] != origin:
        raise RunFailed(f"{path}: belongs to another request, or to another version of Maskloop")
    return state


def delete_state(folder: RunFolder) -> None:
    """Remove the files that only an unfinished training needs."""
    for path in (folder.resume, previous_state_file(folder.resume)):
        path.unlink(missing_ok=True)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_file(path) as part, part.open("wb") as file:  # closed, so that it holds no space
        torch.save(dict(content), file)

"""The argument of every stage: settings, store, connector, launcher and clock."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from connectors.base import Connector
from daemon.config.learner import ENCODER, resolved
from daemon.config.loading import Config
from daemon.domain import Clock, Image, Role, Stage
from daemon.launchers import Launcher
from daemon.rules.validation_split import FloatArray, IdArray
from daemon.runs.run_folder import (
    EmbedRequest,
    FileRole,
    ImageFile,
    Request,
    RunFolder,
    TrainRequest,
)
from daemon.stages.image_scan import Ingest
from daemon.store import Store

AnyRequest = TypeVar("AnyRequest", bound=Request)


@dataclass(frozen=True, kw_only=True)
class Context:
    """The parts of the loop, opened once for each tick and passed to its stages.

    ingest: the state of the image intake between ticks; None: this tick reads images itself.
    """

    config: Config
    store: Store
    connector: Connector
    launcher: Launcher
    now: Clock
    ingest: Ingest | None = None

    def run(self, cycle: int, name: str) -> RunFolder:
        """The run folder of one stage of one cycle."""
        return RunFolder(self.config.state / "runs" / f"{cycle:04d}-{name}")

    def trained_classes(self, cycle: int) -> tuple[str, ...]:
        """The classes of the model of this cycle; classes added later are not among them."""
        return self.run(cycle, Stage.TRAIN).read_request(TrainRequest).classes

    def request(self, kind: type[AnyRequest], **parts: Any) -> AnyRequest:
        """A request with the fields that every run of this configuration shares.

        parts: further fields, or other values for these.
        """
        training = self.config.training
        shared: dict[str, Any] = {
            "classes": self.config.classes.names,
            "device": training.device,
            "threads": training.threads,
            "seed": training.seed,
            "settings": {"preset": training.preset, **training.settings},
        }
        return kind(**(shared | parts))

    def rng(self, cycle: int) -> np.random.Generator:
        """The random generator of a cycle's selection; the same at every attempt."""
        return np.random.default_rng([self.config.selection.seed, cycle])

    def open_run(self, cycle: int, stage: Stage) -> RunFolder:
        """The unfinished run of a stage, or a new one. EMBED may have several runs, since images
        arrive while it waits for a person to correct a setting."""
        run, number = self.run(cycle, stage), 1
        while stage is Stage.EMBED and run.finished():
            number += 1
            run = self.run(cycle, f"{number}-{stage}")
        return run

    def encoder(self) -> Mapping[str, Any]:
        """The settings of config.toml that decide the embedding of an image."""
        training = self.config.training
        return _encoder_of({"preset": training.preset, **training.settings})

    def embeddings(self, encoder: Mapping[str, Any] | None = None) -> dict[int, FloatArray]:
        """Image id -> embedding (D,) of one ImageNet encoder, from all embed runs that used it.

        Images whose bytes were replaced since are left out. None: the encoder of the newest
        finished run, since a changed encoder takes effect with the next EMBED, which embeds all
        images again.
        """
        table: dict[int, FloatArray] = {}
        for run in self.embedding_runs(encoder):
            scores = run.read_scores()
            current = self._is_current(run, scores.ids)
            ids, embeddings = scores.ids[current], scores.embeddings[current]
            table |= dict(zip(map(int, ids), embeddings, strict=True))
        return table

    def embedded_ids(self, encoder: Mapping[str, Any] | None = None) -> set[int]:
        """Ids of the images with such an embedding; the vectors are not read."""
        embedded: set[int] = set()
        for run in self.embedding_runs(encoder):
            ids = run.read_ids()
            embedded.update(ids[self._is_current(run, ids)].tolist())
        return embedded

    def embedded_array(self) -> IdArray:
        """As `embedded_ids` of the newest encoder: (N,) in rising order, none twice."""
        parts: list[IdArray] = [np.empty(0, dtype=np.int64)]
        for run in self.embedding_runs():
            ids = run.read_ids()
            parts.append(ids[self._is_current(run, ids)])
        return np.unique(np.concatenate(parts))

    def embedding_runs(self, encoder: Mapping[str, Any] | None = None) -> list[RunFolder]:
        """The finished embed runs of one encoder, oldest first; None: that of the newest run."""
        paths = (self.config.state / "runs").glob("*-embed")
        folders = sorted(paths, key=_cycle_and_number, reverse=True)
        runs = []
        for run in map(RunFolder, folders):
            if not run.finished():
                continue
            used = _encoder_used(run)
            encoder = used if encoder is None else encoder
            if used == encoder:
                runs.append(run)
        return runs[::-1]

    def _is_current(self, run: RunFolder, ids: IdArray) -> npt.NDArray[np.bool_]:
        """(N,): which of these images still have the bytes that an embed run read. ids: (N,)."""
        cycle = int(run.path.name.partition("-")[0])
        replaced = {image_id for image_id, at in self.store.replaced_in().items() if at >= cycle}
        return np.isin(ids, list(replaced), invert=True)


def with_embeddings(context: Context, images: Sequence[Image]) -> list[Image]:
    """The images that have an embedding.

    No run uses the others: they arrived later, and without an embedding it is not known whether
    they are near-duplicates of validation or test images.
    """
    embedded = context.embedded_ids()
    return [image for image in images if image.id in embedded]


def _cycle_and_number(folder: Path) -> tuple[int, int]:
    """(cycle, number) of the folder of an embed run: 0003-embed is (3, 1), 0003-2-embed (3, 2)."""
    cycle, *number, _ = folder.name.split("-")
    return int(cycle), int(number[0]) if number else 1


def _encoder_used(run: RunFolder) -> dict[str, Any]:
    """The encoder settings of an embed run.

    The request, which lists every image, is read only if the run has no settings file.
    """
    try:
        settings = json.loads(run.settings_file.read_bytes())
        return {name: settings[f"[training] settings.{name}"] for name in ENCODER}
    except (OSError, ValueError, KeyError):  # a run of an early release, which wrote no such file
        return _encoder_of(run.read_request(EmbedRequest).settings)


def _encoder_of(changes: Mapping[str, Any]) -> dict[str, Any]:
    settings = resolved(changes)
    return {name: settings[name] for name in ENCODER}


def image_files(images: Sequence[Image]) -> tuple[ImageFile, ...]:
    """Images as the image files of a run's request."""
    roles = {Role.VALIDATION: FileRole.VALIDATION}
    return tuple(
        ImageFile(id=image.id, image=image.path, role=roles.get(image.role, FileRole.POOL))
        for image in images
    )


def by_role(images: Sequence[Image]) -> Mapping[Role, list[Image]]:
    """Role -> its images; every role has a list."""
    table: dict[Role, list[Image]] = {role: [] for role in Role}
    for image in images:
        table[image.role].append(image)
    return table

"""What every stage is given."""

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
from daemon.runs.folder import EmbedRequest, FileRole, ImageFile, Request, RunFolder, TrainRequest
from daemon.stages.image_scan import Ingest
from daemon.store import Store

AnyRequest = TypeVar("AnyRequest", bound=Request)


@dataclass(frozen=True, kw_only=True)
class Context:
    """The parts of the loop, opened once and passed down.

    ingest: how images come in from tick to tick; None: this tick reads them by itself.
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
        """The classes of this cycle's model: one that was added since comes with the next."""
        return self.run(cycle, Stage.TRAIN).read_request(TrainRequest).classes

    def request(self, kind: type[AnyRequest], **parts: Any) -> AnyRequest:
        """A request with the parts that every run of this configuration shares; `parts` may
        replace them."""
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
        """The random numbers of a cycle's selection; the same at every attempt."""
        return np.random.default_rng([self.config.selection.seed, cycle])

    def open_run(self, cycle: int, stage: Stage) -> RunFolder:
        """The unfinished run of a stage, or a new one. An EMBED may have several runs, as images
        arrive while it waits until a setting is corrected."""
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
        """Image id -> embedding (D,) of one ImageNet encoder, from all embed runs that used it;
        without those of bytes that were replaced since.

        None: the encoder of the newest finished run, so that another encoder in config.toml takes
        effect with the next EMBED, which embeds every image again.
        """
        table: dict[int, FloatArray] = {}
        for run in self.embedding_runs(encoder):
            scores = run.read_scores()
            fresh = self._fresh(run, scores.ids)
            table |= dict(zip(map(int, scores.ids[fresh]), scores.embeddings[fresh], strict=True))
        return table

    def embedded_ids(self, encoder: Mapping[str, Any] | None = None) -> set[int]:
        """Ids of the images that have such an embedding; the vectors are not read."""
        found: set[int] = set()
        for run in self.embedding_runs(encoder):
            ids = run.read_ids()
            found.update(ids[self._fresh(run, ids)].tolist())
        return found

    def embedding_runs(self, encoder: Mapping[str, Any] | None = None) -> list[RunFolder]:
        """The finished embed runs of one encoder, oldest first; None: that of the newest one."""
        there = (self.config.state / "runs").glob("*-embed")
        folders = sorted(there, key=_cycle_and_number, reverse=True)
        found = []
        for run in map(RunFolder, folders):
            if not run.finished():
                continue
            used = _encoder_used(run)
            encoder = used if encoder is None else encoder
            if used == encoder:
                found.append(run)
        return found[::-1]

    def _fresh(self, run: RunFolder, ids: IdArray) -> npt.NDArray[np.bool_]:
        """(N,): which of these images still have the bytes that an embed run saw."""
        cycle = int(run.path.name.partition("-")[0])
        replaced = {image_id for image_id, at in self.store.replaced_in().items() if at >= cycle}
        return np.isin(ids, list(replaced), invert=True)


def decided(context: Context, images: Sequence[Image]) -> list[Image]:
    """Those of these images that have an embedding. The others arrived since: whether they would
    leak from validation or test is not known yet, so no training uses them."""
    known = context.embedded_ids()
    return [image for image in images if image.id in known]


def _cycle_and_number(folder: Path) -> tuple[int, int]:
    """Of an embed run: 0003-embed is the first one of its cycle, 0003-2-embed the second."""
    cycle, *number, _ = folder.name.split("-")
    return int(cycle), int(number[0]) if number else 1


def _encoder_used(run: RunFolder) -> dict[str, Any]:
    """The encoder of an embed run. Its request, which lists every image, is read only where the run
    has no settings file."""
    try:
        known = json.loads(run.settings_file.read_bytes())
        return {name: known[f"[training] settings.{name}"] for name in ENCODER}
    except (OSError, ValueError, KeyError):  # of a version that kept none
        return _encoder_of(run.read_request(EmbedRequest).settings)


def _encoder_of(changes: Mapping[str, Any]) -> dict[str, Any]:
    settings = resolved(changes)
    return {name: settings[name] for name in ENCODER}


def files_of(images: Sequence[Image]) -> tuple[ImageFile, ...]:
    """Images as the files of a run folder."""
    roles = {Role.VALIDATION: FileRole.VALIDATION}
    return tuple(
        ImageFile(id=image.id, image=image.path, role=roles.get(image.role, FileRole.POOL))
        for image in images
    )


def by_role(images: Sequence[Image]) -> Mapping[Role, list[Image]]:
    """Images by role; every role has a list."""
    table: dict[Role, list[Image]] = {role: [] for role in Role}
    for image in images:
        table[image.role].append(image)
    return table

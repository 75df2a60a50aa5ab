"""What every stage is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from connectors.base import Connector
from daemon.config import Config
from daemon.domain import Clock, Image, Role
from daemon.launchers import Launcher
from daemon.runs import FileRole, ImageFile, Request, RunFolder
from daemon.split import FloatArray, IdArray
from daemon.store import Store

AnyRequest = TypeVar("AnyRequest", bound=Request)


@dataclass(frozen=True, kw_only=True)
class Context:
    """The parts of the loop, opened once and passed down."""

    config: Config
    store: Store
    connector: Connector
    launcher: Launcher
    now: Clock

    def run(self, cycle: int, name: str) -> RunFolder:
        """The run folder of one stage of one cycle."""
        return RunFolder(self.config.state / "runs" / f"{cycle:04d}-{name}")

    def request(self, kind: type[AnyRequest], **parts: Any) -> AnyRequest:
        """A request with the parts that every run of this configuration shares."""
        training = self.config.training
        return kind(
            classes=self.config.classes.names,
            device=training.device,
            threads=training.threads,
            seed=training.seed,
            settings={"preset": training.preset, **training.settings},
            **parts,
        )

    def rng(self, cycle: int) -> np.random.Generator:
        """The random numbers of a cycle's selection; the same at every attempt."""
        return np.random.default_rng([self.config.selection.seed, cycle])

    def embeddings(self) -> dict[int, FloatArray]:
        """Image id -> embedding (D,) of the ImageNet encoder, from all embed runs so far; without
        those of bytes that were replaced since."""
        table: dict[int, FloatArray] = {}
        for run in self.embedding_runs():
            scores = run.read_scores()
            fresh = self._fresh(run, scores.ids)
            table |= dict(zip(map(int, scores.ids[fresh]), scores.embeddings[fresh], strict=True))
        return table

    def embedded_ids(self) -> set[int]:
        """The images that have such an embedding; their vectors are not read."""
        found: set[int] = set()
        for run in self.embedding_runs():
            ids = run.read_ids()
            found.update(ids[self._fresh(run, ids)].tolist())
        return found

    def embedding_runs(self) -> list[RunFolder]:
        """The finished embed runs, oldest first."""
        folders = sorted((self.config.state / "runs").glob("*-embed"))
        return [run for run in map(RunFolder, folders) if run.finished()]

    def _fresh(self, run: RunFolder, ids: IdArray) -> npt.NDArray[np.bool_]:
        """(N,): which of these images still have the bytes that an embed run saw."""
        cycle = int(run.path.name.partition("-")[0])
        replaced = {image_id for image_id, at in self.store.replaced_in().items() if at >= cycle}
        return np.isin(ids, list(replaced), invert=True)


def decided(context: Context, images: Sequence[Image]) -> list[Image]:
    """Those of these images that EMBED has looked at. The others arrived since: whether they
    would leak into validation or test is not known yet, so no training sees them."""
    known = context.embedded_ids()
    return [image for image in images if image.id in known]


def files_of(images: Sequence[Image]) -> tuple[ImageFile, ...]:
    """Images as a run folder names them."""
    roles = {Role.VALIDATION: FileRole.VALIDATION}
    return tuple(
        ImageFile(id=image.id, image=image.path, role=roles.get(image.role, FileRole.POOL))
        for image in images
    )


def by_role(images: Sequence[Image]) -> Mapping[Role, list[Image]]:
    """Images by what they are for; every role is there."""
    table: dict[Role, list[Image]] = {role: [] for role in Role}
    for image in images:
        table[image.role].append(image)
    return table

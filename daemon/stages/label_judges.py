"""The models that can judge labels: what each of them, and its ancestors, learned from is known."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from daemon.domain import Image, Stage
from daemon.domain.errors import RunFailed
from daemon.runs.ancestry import learned_files
from daemon.runs.run_folder import RunFolder, TrainRequest, TrainResult
from daemon.stages.context import Context

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Judge:
    """A kept model. cycle: of its training. learned: image id -> sha256 of its file, of the images
    that it or an ancestor learned from."""

    cycle: int
    run: RunFolder
    learned: Mapping[int, str]

    def has_seen(self, image: Image) -> bool:
        """Whether it learned from the label of this image, or of one with the same bytes."""
        return image.id in self.learned or image.sha256 in self._digests

    @cached_property
    def _digests(self) -> frozenset[str]:
        return frozenset(self.learned.values())

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes when it was trained."""
        return self.run.read_request(TrainRequest).classes

    def temperature(self) -> float | None:
        """That validation gave the model; None without."""
        measured = self.run.read_result(TrainResult).validation
        calibration = measured.calibration if measured else None
        return calibration.temperature if calibration else None


def judge_of(context: Context, cycle: int, run: RunFolder) -> Judge | None:
    """The model of a training as a judge; None where there is none, and where nobody knows what it
    has seen."""
    if not run.finished() or not run.checkpoint.exists():
        return None
    try:
        ids = {file.id for file in learned_files(run)}
    except RunFailed as exc:
        log.warning("the model of %s judges no labels: %s", run.path.name, exc)
        return None
    images = context.store.images_of(ids)
    learned = {image_id: image.sha256 for image_id, image in images.items()}
    return Judge(cycle=cycle, run=run, learned=learned)


def kept_judges(context: Context, cycle: int) -> list[Judge]:
    """The kept models that served until this cycle, newest first, which know the same classes."""
    found: list[Judge] = []
    for number in range(cycle, 0, -1):
        if context.store.serving(number) != number:  # refused
            continue
        judge = judge_of(context, number, context.run(number, Stage.TRAIN))
        if judge is None:
            continue
        if found and judge.classes != found[0].classes:
            break
        found.append(judge)
    return found

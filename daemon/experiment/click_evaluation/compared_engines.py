"""The engines that an evaluation compares: walks in this process, a network in a worker child."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from daemon.clicks.click import ClickEngine, ClickQuestion, ObjectProbability
from daemon.clicks.walk_engines import COLOUR_WALK, PRIOR_WALK, PriorWalk, colour_walk
from daemon.domain.errors import RunFailed
from daemon.experiment.click_evaluation.click_options import CLICK_NET, ClickOptions
from daemon.runs.click_worker_messages import ClicksRequest, WorkerQuestion
from daemon.runs.run_folder import RunFolder
from daemon.smart_tool.click_worker_process import ClickWorkerProcess, NoAnswerError

PATIENCE_S = 120.0  # for a worker to load its network, and for an answer
PAUSE_S = 0.2  # between two looks whether it has
WORKER = "daemon.hrda"  # what `python -m` runs


@dataclass(frozen=True, kw_only=True)
class ClickedFiles:
    """What a worker reads itself. prior: None for an image without a prior map."""

    image: Path
    prior: Path | None


class ComparedEngines:
    """The engines of the options by name, while it is entered; a worker runs as long.

    folder: run folder of the worker. module: what it is started as.
    """

    def __init__(
        self, options: ClickOptions, classes: tuple[str, ...], folder: RunFolder, module: str
    ) -> None:
        self._walks: dict[str, ClickEngine] = {
            COLOUR_WALK: colour_walk(options.features),
            PRIOR_WALK: PriorWalk(features=options.features),
        }
        self._folder, self._module = folder, module
        self._worker: ClickWorkerProcess | None = None
        self._request: ClicksRequest | None = None
        if CLICK_NET in options.engines and options.click_net is not None:
            self._request = ClicksRequest(
                checkpoint=options.click_net,
                classes=classes,
                device=options.device,
                threads=options.threads,
            )

    def __enter__(self) -> ComparedEngines:
        if self._request is not None:
            self._worker = ClickWorkerProcess(
                lambda: self._request, self._folder, time.monotonic, self._module
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._worker is not None:
            self._worker.close()

    def engine(self, name: str, files: ClickedFiles) -> ClickEngine:
        """The engine of this name, for clicks on one image."""
        if name in self._walks:
            return self._walks[name]
        if self._worker is None:
            raise RunFailed(f"engine {name}: no worker runs; name its network with --click-net")
        return _WorkerEngine(self._worker, self._folder, files)


class _WorkerEngine:
    """The network of a worker, as an engine for one image. It knows no initial mask."""

    name = CLICK_NET

    def __init__(self, worker: ClickWorkerProcess, folder: RunFolder, files: ClickedFiles) -> None:
        self._worker, self._folder, self._files = worker, folder, files

    def segment(self, question: ClickQuestion) -> ObjectProbability:
        """The answer of the worker, which replays the clicks itself. Raises RunFailed where there
        is none in PATIENCE_S."""
        asked = WorkerQuestion(
            id="0",
            image=self._files.image,
            clicks=tuple((click.x, click.y, click.positive) for click in question.clicks),
            prior=self._files.prior,
        )
        ends_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                left_s = ends_s - time.monotonic()
                return self._worker.ask(asked, left_s).object_probability()
            except NoAnswerError as exc:
                failure = self._folder.read_error()
                if failure is not None:
                    raise RunFailed(f"the click network: {failure.message}") from exc
                if left_s <= PAUSE_S:
                    raise RunFailed(
                        f"{self._files.image}: no answer of the click network: {exc}; its output "
                        f"is in {self._folder.log}"
                    ) from exc
            time.sleep(PAUSE_S)

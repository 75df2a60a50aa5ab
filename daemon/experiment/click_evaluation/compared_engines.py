"""The engines that an evaluation compares: walks in this process, others in a worker child each."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

from daemon.clicks.click import ClickEngine, ClickQuestion, ObjectProbability
from daemon.clicks.walk_engines import COLOUR_WALK, PRIOR_WALK, PriorWalk, colour_walk
from daemon.domain.errors import RunFailed
from daemon.experiment.click_evaluation.click_options import CLICK_NET, ClickOptions
from daemon.runs.checksums import sha256_of
from daemon.runs.click_worker_messages import SAM, ClicksRequest, SamFiles, WorkerQuestion
from daemon.runs.run_folder import RunFolder
from daemon.smart_tool.click_worker_process import ClickWorkerProcess, NoAnswerError

PATIENCE_S = 120.0  # for a worker to load its network, and for an answer
PAUSE_S = 0.2  # between two looks whether it has
WORKER = "daemon.hrda"  # what `python -m` runs
_WORDS = {CLICK_NET: "the click network", SAM: "SAM"}


@dataclass(frozen=True, kw_only=True)
class ClickedFiles:
    """What a worker reads itself. prior: None for an image without a prior map."""

    image: Path
    prior: Path | None


class ComparedEngines:
    """The engines of the options by name, while it is entered; their workers run as long.

    folder: run folder of the worker of the click network; that of SAM is beside it. module: what
    workers are started as.
    """

    def __init__(
        self, options: ClickOptions, classes: tuple[str, ...], folder: RunFolder, module: str
    ) -> None:
        self._walks: dict[str, ClickEngine] = {
            COLOUR_WALK: colour_walk(options.features),
            PRIOR_WALK: PriorWalk(features=options.features),
        }
        self._module = module
        self._folders = {
            CLICK_NET: folder,
            SAM: RunFolder(folder.path.with_name(f"{folder.path.name}-{SAM}")),
        }
        self._requests = _requests(options, classes)
        self._workers: dict[str, ClickWorkerProcess] = {}

    def __enter__(self) -> ComparedEngines:
        for name in self._requests:
            self._workers[name] = ClickWorkerProcess(
                partial(self._requests.get, name), self._folders[name], time.monotonic, self._module
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self._workers.values():
            worker.close()

    def engine(self, name: str, files: ClickedFiles) -> ClickEngine:
        """The engine of this name, for clicks on one image."""
        if name in self._walks:
            return self._walks[name]
        if name not in self._workers:
            raise RunFailed(f"engine {name}: no worker runs; name its files by their options")
        return _WorkerEngine(name, self._workers[name], self._folders[name], files)


def _requests(options: ClickOptions, classes: tuple[str, ...]) -> dict[str, ClicksRequest]:
    """What workers serve, by the names of their engines."""
    found = {}
    if CLICK_NET in options.engines and options.click_net is not None:
        found[CLICK_NET] = ClicksRequest(
            checkpoint=options.click_net,
            classes=classes,
            device=options.device,
            threads=options.threads,
        )
    if SAM in options.engines and options.sam_encoder and options.sam_decoder:
        files = SamFiles(
            encoder=options.sam_encoder,
            decoder=options.sam_decoder,
            encoder_sha256=sha256_of(options.sam_encoder),
            decoder_sha256=sha256_of(options.sam_decoder),
        )
        found[SAM] = ClicksRequest(
            sam=files, classes=classes, device="cpu", threads=options.threads
        )
    return found


class _WorkerEngine:
    """The engine of a worker, as one for one image. It knows no initial mask."""

    def __init__(
        self, name: str, worker: ClickWorkerProcess, folder: RunFolder, files: ClickedFiles
    ) -> None:
        self.name = name
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
                    raise RunFailed(f"{_WORDS[self.name]}: {failure.message}") from exc
                if left_s <= PAUSE_S:
                    raise RunFailed(
                        f"{self._files.image}: no answer of {_WORDS[self.name]}: {exc}; its "
                        f"output is in {self._folder.log}"
                    ) from exc
            time.sleep(PAUSE_S)

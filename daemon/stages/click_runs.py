"""The click network: a training beside the cycle, which never keeps the loop from going on.

When a cycle is done and the smart tool is on, a network learns from all labels, for
[smart_tool] train_minutes of processor time at low priority. It answers clicks if simulated clicks
on the validation images say so; else what served before goes on. A failed training is said, and the
next cycle has one again.
"""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from daemon.domain import Image, Role, Stage
from daemon.domain.errors import RunFailed
from daemon.runs.ancestry import learned_files
from daemon.runs.click_records import (
    ClickFile,
    ServingClicks,
    TrainClicksRequest,
    TrainClicksResult,
)
from daemon.runs.predicted_masks import predict_run, predicted_cycles
from daemon.runs.prior_maps import prior_file
from daemon.runs.run_folder import PredictRequest, RunFolder
from daemon.stages.beside_cycle import AUDIT, FOLD_MODELS, BesideCycle, write_into_run, write_label
from daemon.stages.context import Context
from daemon.stages.run_settings import write_request

log = logging.getLogger(__name__)

CLICKS = "clicks"  # in the name of its run folder
MIN_LABELS = 8  # train labels, from which a network is trained
NICENESS = 10  # people who click or browse come first
_BESIDE = BesideCycle(name=CLICKS)


def advance_clicks(context: Context) -> bool:
    """Start the training of a cycle that is done, or look at the one that runs; whether one runs.

    Never raises RunFailed: the event says what went wrong.
    """
    cycle = _BESIDE.open_cycle(context)
    if cycle is None:
        return _start(context)
    try:
        return not _advance(context, cycle)
    except RunFailed as exc:
        words = f"the click network was not trained: {exc}; the next cycle trains one again"
        _BESIDE.fail(context, cycle, words)
        return False


def _start(context: Context) -> bool:
    """Write the request for the newest cycle, if it is done and no audit or fold training runs;
    whether it was written."""
    store, settings = context.store, context.config.smart_tool
    if (
        not settings.enabled
        or not settings.train_minutes
        or settings.engine not in ("auto", "click_net")
    ):
        return False
    cycle = _BESIDE.due_cycle(context)
    if cycle is None or AUDIT.open_cycle(context) is not None:
        return False
    if FOLD_MODELS.open_cycle(context) == cycle:
        return False
    labeled = list(store.images_of(store.informative_ids()).values())
    roles = Counter(image.role for image in labeled)
    if roles[Role.POOL] < MIN_LABELS or not roles[Role.VALIDATION]:
        return False
    run = context.run(cycle, CLICKS)
    request = clicks_request(context, cycle, run, labeled)
    write_request(context, run, Stage.PREDICT, request)
    _BESIDE.begin(context, cycle)
    return True


def _advance(context: Context, cycle: int) -> bool:
    """Look at the run; True once its verdict is kept."""
    run, store = context.run(cycle, CLICKS), context.store
    if not context.launcher.advance(run, "train-clicks"):
        return False
    result, before = run.read_result(TrainClicksResult), store.serving_clicks()
    serves = run.path.name if result.trial.serves else (before.run if before else "")
    serving = ServingClicks(run=serves, cycle=cycle, labels=result.labels, trial=result.trial)
    with store.atomic():
        store.keep_serving_clicks(serving)
        _BESIDE.end(context, cycle)
    _delete_old_files(context, newest=run.path.name, serves=serves)
    log.info(
        "click network done cycle=%d labels=%d iterations=%d serves=%s %s",
        cycle,
        result.labels,
        result.iterations,
        serves or "prior_walk",
        result.trial.why,
    )
    return True


def _delete_old_files(context: Context, newest: str, serves: str) -> None:
    """Delete the networks that do not serve, and labels and prior maps of all runs but the newest;
    their results stay."""
    for folder in (context.config.state / "runs").glob(f"*-{CLICKS}"):
        run = RunFolder(folder)
        if not run.finished():
            continue
        if folder.name != serves:
            run.checkpoint.unlink(missing_ok=True)
        if folder.name != newest:
            for name in ("labels", "priors"):
                shutil.rmtree(folder / name, ignore_errors=True)


def clicks_request(
    context: Context, cycle: int, run: RunFolder, labeled: Sequence[Image]
) -> TrainClicksRequest:
    """The request that learns from the labels of these images as they are at this moment: they are
    written into the folder."""
    store, priors = context.store, UnlearnedPriors(context.config.state / "runs")
    files = {
        role: tuple(_file(context, run, one, priors) for one in labeled if one.role is role)
        for role in (Role.POOL, Role.VALIDATION)
    }
    teacher = context.run(store.serving_after(cycle), Stage.TRAIN).checkpoint
    serving = _serving_network(context)
    return context.request(
        TrainClicksRequest,
        labeled=files[Role.POOL],
        validation=files[Role.VALIDATION],
        teacher=teacher if teacher.exists() else None,
        parent=serving,
        serving=serving,
        max_seconds=context.config.smart_tool.train_minutes * 60,
        niceness=NICENESS,
    )


def _serving_network(context: Context) -> Path | None:
    """The file of the network that serves; None where none does."""
    serving = context.store.serving_clicks()
    if serving is None or not serving.run:
        return None
    path = RunFolder(context.config.state / "runs" / serving.run).checkpoint
    return path if path.exists() else None


def _file(context: Context, run: RunFolder, image: Image, priors: UnlearnedPriors) -> ClickFile:
    mask = write_label(context, run, image.id)
    found, kept = priors.unlearned(image.id), prior_file(run, image.id)
    if found is not None:  # a copy: PREDICT runs keep their maps for two cycles
        write_into_run(kept, found.read_bytes())
    prior = kept if found is not None else None
    return ClickFile(id=image.id, image=image.path, mask=mask, prior=prior)


class UnlearnedPriors:
    """Prior maps of PREDICT runs whose model did not learn from the image. runs: the folder."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._cycles = predicted_cycles(runs)
        self._earlier = sorted(runs.glob(f"*-{CLICKS}"), reverse=True)
        self._learned: dict[int, frozenset[int] | None] = {}

    def unlearned(self, image_id: int) -> Path | None:
        """The newest such map of an image, else that of an earlier training; None without."""
        for cycle in self._cycles:
            path = prior_file(predict_run(self._runs, cycle), image_id)
            if path.exists():
                learned = self._learned_ids(cycle)
                if learned is not None and image_id not in learned:
                    return path
        kept = (prior_file(RunFolder(folder), image_id) for folder in self._earlier)
        return next((path for path in kept if path.exists()), None)

    def _learned_ids(self, cycle: int) -> frozenset[int] | None:
        """Ids of the images that the model of a PREDICT run learned from; None: nobody knows."""
        if cycle not in self._learned:
            try:
                request = predict_run(self._runs, cycle).read_request(PredictRequest)
                learned = learned_files(RunFolder(request.checkpoint.parent))
                self._learned[cycle] = frozenset(file.id for file in learned)
            except RunFailed:
                self._learned[cycle] = None
        return self._learned[cycle]

"""The trainings and their models: how a training goes, what it sees, and which model serves."""

from __future__ import annotations

from flask import Blueprint

from daemon.domain import Stage
from daemon.insight.trained_models import TrainedModel
from daemon.insight.view_model import Count, ViewModel
from daemon.status.model import RunProgress
from daemon.status.snapshot_trainings import (
    history_stamp,
    read_models,
    training_cycles,
    training_run,
)
from daemon.store.models import TRAINING_STOPPED
from daemon.web.page import NothingToShow, Page, Sources
from daemon.web.training_pages import SUB_PAGES
from daemon.web.training_routes import training_routes

CHARTED = 12  # newest trainings whose history is drawn


class ChartedTraining(ViewModel):
    """A training whose history is drawn."""

    cycle: Count
    """Its cycle."""
    history: str
    """Changes when the history does; it is at /trainings/CYCLE/history.json."""


class TrainingsView(ViewModel):
    """The trainings of the loop and their models."""

    running: Count | None
    """The cycle that trains now; null where none does."""
    progress: RunProgress | None
    """How far that training is; null where that is not known."""
    stopped: bool
    """Whether a person stopped it, so that it goes on after `resume`."""
    waiting: str
    """What the loop waits for, as a sentence."""
    models: tuple[TrainedModel, ...]
    """The models, newest first."""
    charted: tuple[ChartedTraining, ...]
    """The trainings that have a history, newest first, the one that runs now included."""
    classes: tuple[str, ...]
    """Class names by pixel value."""


def build(sources: Sources) -> TrainingsView:
    """The page as the store and the run folders are now."""
    status = sources.read_status()
    trains = status.stage is Stage.TRAIN
    empty = TrainingsView(
        running=status.cycle if trains else None,
        progress=status.progress if trains else None,
        stopped=False,
        waiting=status.waiting or "",
        models=(),
        charted=(),
        classes=status.classes,
    )
    if sources.read_config is None:
        return empty
    state = sources.read_config().state
    try:
        with sources.store() as store:
            models = read_models(store, state)
            stopped = trains and store.fact(TRAINING_STOPPED) == str(status.cycle)
    except NothingToShow:
        return empty
    charted = [
        ChartedTraining(cycle=cycle, history=stamp)
        for cycle in training_cycles(state)[:CHARTED]
        if (stamp := history_stamp(training_run(state, cycle)))
    ]
    return empty.model_copy(
        update={"models": models, "charted": tuple(charted), "stopped": stopped}
    )


def routes(routes: Blueprint, sources: Sources) -> None:
    """The addresses of histories and pictures."""
    training_routes(routes, sources)


PAGE = Page(
    name="trainings",
    title="Models",
    template="trainings.html",
    model=TrainingsView,
    build=build,
    routes=routes,
    sub_pages=SUB_PAGES,
)

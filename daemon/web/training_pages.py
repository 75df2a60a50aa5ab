"""The pages below /trainings: one model, the images of a mistake, two models side by side. Each is
a model whose JSON is its twin, built from the store and the run folders.

    /trainings/3                the model of cycle 3
    /trainings/3/mistakes/1/0   images with pixels of class 1 that it took for class 0
    /trainings/compare/2/3      the models of two cycles
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from flask import abort, request

from daemon.domain import Evaluation
from daemon.insight.image_changes import (
    ClassChange,
    ImageChange,
    MistakenImage,
    class_changes,
    image_changes,
    mistaken_images,
)
from daemon.insight.model_difference import ModelDifference
from daemon.insight.trained_models import TrainedModel
from daemon.insight.view_model import Count, ViewModel
from daemon.status.model_curve import ValidationFigures
from daemon.status.snapshot_curve import image_comparison, validation_figures
from daemon.status.snapshot_trainings import measured_model, read_models
from daemon.web.page import Sources, SubPage
from daemon.web.training_routes import CYCLE, OTHER, config_of

PER_PAGE = 24  # images
_CLASSES = "<int(max=254):truth>/<int(max=254):predicted>"
Row = TypeVar("Row", bound=ViewModel)


class ModelView(ViewModel):
    """The model of a cycle."""

    model: TrainedModel
    """The model, as the list of all has it."""
    previous: Count | None
    """The cycle whose model was trained before this one; null for the first."""
    names: tuple[str, ...]
    """Classes that it knows, by pixel value."""
    figures: ValidationFigures
    """All that was measured of it on the validation images."""
    images_known: bool
    """Whether the images behind a mistake are known."""


class Sheet(ViewModel):
    """Which part of a list is shown (?page=2)."""

    total: Count
    """Rows of the whole list."""
    number: Count
    """Of the part that is shown, from 1 on."""
    pages: Count
    """How many parts there are."""


class MistakesView(ViewModel):
    """The images with pixels of one class that a model took for another."""

    model: TrainedModel
    truth: str
    """The true class."""
    predicted: str
    """What it was taken for."""
    rows: tuple[MistakenImage, ...]
    """The images of this part, most pixels first."""
    sheet: Sheet


class ComparisonView(ViewModel):
    """Two models on the same validation images."""

    before: TrainedModel
    """The older one."""
    after: TrainedModel
    """The newer one."""
    difference: ModelDifference
    """The newer against the older one."""
    classes: tuple[ClassChange, ...]
    """Class by class."""
    rows: tuple[ImageChange, ...]
    """The images of this part, the largest loss first."""
    sheet: Sheet


def model_view(sources: Sources, cycle: int) -> ModelView:
    """The model of a cycle; 404 where it was not measured."""
    ((model, found),) = _models(sources, cycle)
    with sources.store() as store:
        earlier = [point.cycle for point in store.curve() if point.cycle < cycle]
    return ModelView(
        model=model,
        previous=max(earlier, default=None),
        names=_names(sources, found),
        figures=validation_figures(found),
        images_known=bool(found.by_image),
    )


def mistakes_view(sources: Sources, cycle: int, truth: int, predicted: int) -> MistakesView:
    """The images of a mistake; 404 for a class that the model does not know."""
    ((model, found),) = _models(sources, cycle)
    names = _names(sources, found)
    if max(truth, predicted) >= len(names):
        abort(404, f"there are {len(names)} classes")
    rows, sheet = _part(mistaken_images(found.by_image, truth, predicted))
    return MistakesView(
        model=model, truth=names[truth], predicted=names[predicted], rows=rows, sheet=sheet
    )


def comparison_view(sources: Sources, cycle: int, other: int) -> ComparisonView:
    """Two models, the older first; 404 where one was not measured."""
    (before, old), (after, new) = _models(sources, *sorted((cycle, other)))
    rows, sheet = _part(image_changes(old.by_image, new.by_image))
    return ComparisonView(
        before=before,
        after=after,
        difference=image_comparison(config_of(sources).state)(before.cycle, after.cycle),
        classes=class_changes(_names(sources, new), old.by_image, new.by_image),
        rows=rows,
        sheet=sheet,
    )


def _models(sources: Sources, *cycles: int) -> list[tuple[TrainedModel, Evaluation]]:
    """These models and their figures; 404 where one was not measured."""
    found, state = [], config_of(sources).state
    with sources.store() as store:
        models = {model.cycle: model for model in read_models(store, state)}
        for cycle in cycles:
            evaluation = measured_model(store, state, cycle)
            if evaluation is None or cycle not in models:
                abort(404, f"cycle {cycle} has no measured model")
            found.append((models[cycle], evaluation))
    return found


def _names(sources: Sources, found: Evaluation) -> tuple[str, ...]:
    """The classes of a model by pixel value; those that were added later are not among them."""
    return config_of(sources).classes.names[: len(found.confusion) or len(found.iou)]


def _part(rows: Sequence[Row]) -> tuple[tuple[Row, ...], Sheet]:
    """The part of a list that the address asks for."""
    pages = max(1, -(-len(rows) // PER_PAGE))
    number = min(max(1, request.args.get("page", 1, type=int)), pages)
    start = PER_PAGE * (number - 1)
    sheet = Sheet(total=len(rows), number=number, pages=pages)
    return tuple(rows[start : start + PER_PAGE]), sheet


SUB_PAGES = (
    SubPage(
        name="training",
        title="Model of a cycle",
        address=f"/trainings/{CYCLE}",
        template="training.html",
        model=ModelView,
        build=model_view,
    ),
    SubPage(
        name="mistakes",
        title="Images behind a mistake of a model",
        address=f"/trainings/{CYCLE}/mistakes/{_CLASSES}",
        template="training_mistakes.html",
        model=MistakesView,
        build=mistakes_view,
    ),
    SubPage(
        name="comparison",
        title="Two models side by side",
        address=f"/trainings/compare/{CYCLE}/{OTHER}",
        template="training_comparison.html",
        model=ComparisonView,
        build=comparison_view,
    ),
)

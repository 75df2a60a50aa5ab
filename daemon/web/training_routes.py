"""Addresses below /trainings: a model, two side by side, the images of a mistake, the history of a
training and its masks. Only numbers come in, and files whose names are known.

    /trainings/3                            the model of cycle 3
    /trainings/3/history.json               losses and figures over its iterations
    /trainings/3/mistakes/1/0               images with pixels of class 1 that it took for class 0
    /trainings/compare/2/3                  the models of two cycles
    /trainings/3/validation/7.png           its mask of validation image 7, to lie over the image
    /trainings/3/labels/7.png               the mask by people that it was measured with
    /trainings/compare/2/3/7.png            who of the two is right, pixel by pixel
    /trainings/3/previews/120/pool-7-pseudo.png   what was previewed after 120 iterations
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from daemon.domain import Evaluation, Mask
from daemon.domain.class_colours import class_colours
from daemon.domain.errors import MaskRefused
from daemon.insight import mask_difference
from daemon.insight.image_changes import class_changes, image_changes, mistaken_images
from daemon.pixels.mask_overlays import overlay_png
from daemon.pixels.small_masks import read_small_mask, resized_mask
from daemon.runs.run_folder import RunFolder
from daemon.runs.training_history import PreviewKind, label_mask, preview_mask, validation_mask
from daemon.status.snapshot_curve import image_comparison
from daemon.status.snapshot_trainings import (
    measured_model,
    read_models,
    training_history,
    training_run,
)
from daemon.web.page import Page, Sources

if TYPE_CHECKING:
    from daemon.config.loading import Config
    from daemon.insight.trained_models import TrainedModel

PX = 384  # of the longer side of a mask that lies over a picture
PER_PAGE = 24  # images
FRESH_S = 60
_CYCLE = "<int(max=999999999):cycle>"
_OTHER = "<int(max=999999999):other>"
_IMAGE = "<int(max=9223372036854775807):image_id>"
_CLASSES = "<int(max=254):truth>/<int(max=254):predicted>"


@dataclasses.dataclass(frozen=True)
class _Trainings:
    """What the addresses read from."""

    sources: Sources

    @property
    def config(self) -> Config:
        """The settings; 404 where pages show the status alone."""
        if self.sources.read_config is None:
            abort(404)
        return self.sources.read_config()

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.config.state

    def run(self, cycle: int) -> RunFolder:
        """The run folder of a training."""
        return training_run(self.state, cycle)

    def models(self, *cycles: int) -> list[tuple[TrainedModel, Evaluation]]:
        """These models and their figures; 404 where one was not measured."""
        found = []
        with self.sources.store() as store:
            models = {model.cycle: model for model in read_models(store, self.state)}
            for cycle in cycles:
                evaluation = measured_model(store, self.state, cycle)
                if evaluation is None or cycle not in models:
                    abort(404, f"cycle {cycle} has no measured model")
                found.append((models[cycle], evaluation))
        return found

    def names(self, evaluation: Evaluation) -> tuple[str, ...]:
        """The classes of a model by pixel value; those that were added later are not among them."""
        return self.config.classes.names[: len(evaluation.confusion) or len(evaluation.iou)]

    def previous(self, cycle: int) -> int | None:
        """The cycle whose model was trained before this one; None for the first."""
        with self.sources.store() as store:
            earlier = [point.cycle for point in store.curve() if point.cycle < cycle]
        return max(earlier, default=None)

    def painted(self, mask: Mask, colours: Mapping[int, str] | None = None) -> Response:
        """A mask as a picture to lie over its image."""
        colours = class_colours(self.config.class_set) if colours is None else colours
        response = Response(overlay_png(mask, colours, PX), mimetype="image/png")
        response.headers["Cache-Control"] = f"private, max-age={FRESH_S}"
        return response


def training_routes(routes: Blueprint, sources: Sources, page: Page) -> None:
    """Add the addresses to those of the page."""
    found = _Trainings(sources)
    _add_model(routes, found, page)
    _add_comparison(routes, found, page)
    _add_pictures(routes, found)


def _add_model(routes: Blueprint, found: _Trainings, page: Page) -> None:
    @routes.get(f"/trainings/{_CYCLE}")
    def model(cycle: int) -> ResponseReturnValue:
        ((shown, evaluation),) = found.models(cycle)
        return render_template(
            "training.html",
            page=page,
            previous=found.previous(cycle),
            model=shown,
            names=found.names(evaluation),
            evaluation=evaluation,
            status=found.sources.read_status(),
        )

    @routes.get(f"/trainings/{_CYCLE}/mistakes/{_CLASSES}")
    def mistakes(cycle: int, truth: int, predicted: int) -> ResponseReturnValue:
        ((shown, evaluation),) = found.models(cycle)
        names = found.names(evaluation)
        if max(truth, predicted) >= len(names):
            abort(404, f"there are {len(names)} classes")
        images = mistaken_images(evaluation.by_image, truth, predicted)
        return render_template(
            "training_mistakes.html",
            page=page,
            model=shown,
            truth=names[truth],
            predicted=names[predicted],
            sheet=_sheet(images),
        )

    @routes.get(f"/trainings/{_CYCLE}/history.json")
    def history(cycle: int) -> ResponseReturnValue:
        content = training_history(found.state, cycle)
        if content is None:
            abort(404, f"cycle {cycle} has no history")
        return Response(content.model_dump_json(), mimetype="application/json")


def _add_comparison(routes: Blueprint, found: _Trainings, page: Page) -> None:
    @routes.get(f"/trainings/compare/{_CYCLE}/{_OTHER}")
    def compare(cycle: int, other: int) -> ResponseReturnValue:
        (before, old), (after, new) = found.models(*sorted((cycle, other)))
        return render_template(
            "training_comparison.html",
            page=page,
            before=before,
            after=after,
            difference=image_comparison(found.state)(before.cycle, after.cycle),
            classes=class_changes(found.names(new), old.by_image, new.by_image),
            sheet=_sheet(image_changes(old.by_image, new.by_image)),
            colours=mask_difference.COLOURS,
        )


def _add_pictures(routes: Blueprint, found: _Trainings) -> None:
    @routes.get(f"/trainings/{_CYCLE}/validation/{_IMAGE}.png")
    def validation(cycle: int, image_id: int) -> ResponseReturnValue:
        return found.painted(_mask(validation_mask(found.run(cycle), image_id)))

    @routes.get(f"/trainings/{_CYCLE}/labels/{_IMAGE}.png")
    def labels(cycle: int, image_id: int) -> ResponseReturnValue:
        return found.painted(_mask(label_mask(found.run(cycle), image_id)))

    @routes.get(
        f"/trainings/{_CYCLE}/previews/<int:iteration>/<key>-<any(prediction, pseudo):kind>.png"
    )
    def preview(cycle: int, iteration: int, key: str, kind: PreviewKind) -> ResponseReturnValue:
        history = training_history(found.state, cycle)
        images = {image.key: image for image in history.images} if history else {}
        if key not in images:
            abort(404, "no such preview")
        return found.painted(_mask(preview_mask(found.run(cycle), images[key], iteration, kind)))

    @routes.get(f"/trainings/compare/{_CYCLE}/{_OTHER}/{_IMAGE}.png")
    def difference(cycle: int, other: int, image_id: int) -> ResponseReturnValue:
        before, after = sorted((cycle, other))
        old = _mask(validation_mask(found.run(before), image_id))
        new = resized_mask(_mask(validation_mask(found.run(after), image_id)), *old.shape)
        truth = resized_mask(_mask(label_mask(found.run(after), image_id)), *old.shape)
        changed = mask_difference.mask_difference(truth, old, new)
        return found.painted(changed, mask_difference.COLOURS)


def _mask(path: Path) -> Mask:
    """A mask of a run folder; 404 where it is not there."""
    if not path.is_file():
        abort(404, "this mask is not kept")
    try:
        return read_small_mask(path)
    except MaskRefused:
        abort(404, "this mask cannot be read")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Sheet:
    """One page of a list. number: from 1 on."""

    rows: Sequence[object]
    total: int
    number: int
    pages: int


def _sheet(rows: Sequence[object]) -> _Sheet:
    pages = max(1, -(-len(rows) // PER_PAGE))
    number = min(max(1, request.args.get("page", 1, type=int)), pages)
    start = PER_PAGE * (number - 1)
    return _Sheet(rows=rows[start : start + PER_PAGE], total=len(rows), number=number, pages=pages)

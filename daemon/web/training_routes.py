"""What the pages below /trainings fetch: the history of a training and its masks. Only numbers come
in, and files whose names are known.

    /trainings/3/history.json               losses and figures over its iterations
    /trainings/3/validation/7.png           its mask of validation image 7, to lie over the image
    /trainings/3/labels/7.png               the mask by people that it was measured with
    /trainings/compare/2/3/7.png            who of the two is right, pixel by pixel
    /trainings/3/previews/120/pool-7-pseudo.png   what was previewed after 120 iterations
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort
from flask.typing import ResponseReturnValue

from daemon.domain import Mask
from daemon.domain.class_colours import class_colours
from daemon.domain.errors import MaskRefused
from daemon.insight import mask_difference
from daemon.pixels.mask_overlays import overlay_png
from daemon.pixels.small_masks import read_small_mask, resized_mask
from daemon.runs.run_folder import RunFolder
from daemon.runs.training_history import PreviewKind, label_mask, preview_mask, validation_mask
from daemon.status.snapshot_trainings import (
    training_history,
    training_run,
)
from daemon.web.page import Sources

if TYPE_CHECKING:
    from daemon.config.loading import Config

PX = 384  # of the longer side of a mask that lies over a picture
FRESH_S = 60
CYCLE = "<int(max=999999999):cycle>"
OTHER = "<int(max=999999999):other>"
_IMAGE = "<int(max=9223372036854775807):image_id>"


def config_of(sources: Sources) -> Config:
    """The settings; 404 where pages show the status alone."""
    if sources.read_config is None:
        abort(404)
    return sources.read_config()


def training_routes(routes: Blueprint, sources: Sources) -> None:
    """Add the addresses to those of the page."""

    @routes.get(f"/trainings/{CYCLE}/history.json")
    def history(cycle: int) -> ResponseReturnValue:
        content = training_history(config_of(sources).state, cycle)
        if content is None:
            abort(404, f"cycle {cycle} has no history")
        return Response(content.model_dump_json(), mimetype="application/json")

    _add_pictures(routes, sources)


def _add_pictures(routes: Blueprint, sources: Sources) -> None:
    @routes.get(f"/trainings/{CYCLE}/validation/{_IMAGE}.png")
    def validation(cycle: int, image_id: int) -> ResponseReturnValue:
        return _painted(sources, _mask(validation_mask(_run(sources, cycle), image_id)))

    @routes.get(f"/trainings/{CYCLE}/labels/{_IMAGE}.png")
    def labels(cycle: int, image_id: int) -> ResponseReturnValue:
        return _painted(sources, _mask(label_mask(_run(sources, cycle), image_id)))

    @routes.get(
        f"/trainings/{CYCLE}/previews/<int:iteration>/<key>-<any(prediction, pseudo):kind>.png"
    )
    def preview(cycle: int, iteration: int, key: str, kind: PreviewKind) -> ResponseReturnValue:
        history = training_history(config_of(sources).state, cycle)
        images = {image.key: image for image in history.images} if history else {}
        if key not in images:
            abort(404, "no such preview")
        return _painted(
            sources, _mask(preview_mask(_run(sources, cycle), images[key], iteration, kind))
        )

    @routes.get(f"/trainings/compare/{CYCLE}/{OTHER}/{_IMAGE}.png")
    def difference(cycle: int, other: int, image_id: int) -> ResponseReturnValue:
        before, after = sorted((cycle, other))
        old = _mask(validation_mask(_run(sources, before), image_id))
        new = resized_mask(_mask(validation_mask(_run(sources, after), image_id)), *old.shape)
        truth = resized_mask(_mask(label_mask(_run(sources, after), image_id)), *old.shape)
        changed = mask_difference.mask_difference(truth, old, new)
        return _painted(sources, changed, mask_difference.COLOURS)


def _run(sources: Sources, cycle: int) -> RunFolder:
    return training_run(config_of(sources).state, cycle)


def _painted(sources: Sources, mask: Mask, colours: Mapping[int, str] | None = None) -> Response:
    """A mask as a picture to lie over its image."""
    colours = class_colours(config_of(sources).class_set) if colours is None else colours
    response = Response(overlay_png(mask, colours, PX), mimetype="image/png")
    response.headers["Cache-Control"] = f"private, max-age={FRESH_S}"
    return response


def _mask(path: Path) -> Mask:
    """A mask of a run folder; 404 where it is not there."""
    if not path.is_file():
        abort(404, "this mask is not kept")
    try:
        return read_small_mask(path)
    except MaskRefused:
        abort(404, "this mask cannot be read")

"""Pictures for pages: an image by its number, small, and its masks to lie over it.

    /images/7/thumbnail.jpg?px=256    the image as people see it
    /images/7/prediction.png?px=256   the newest mask of a model; &cycle=3: that of cycle 3
    /images/7/label.png?px=256        the label that counts

Only numbers come in: where a file lies is known to the store alone. `px` is the longest side and
becomes the next larger of SIZES. An image that cannot be read is a drawn picture that says so.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue
from PIL import Image as Pillow

from daemon.config.loading import Config
from daemon.domain import Image
from daemon.domain.class_colours import class_colours
from daemon.domain.errors import ImageRefused, MaskRefused
from daemon.pixels import read_file
from daemon.pixels.mask_overlays import overlay_png
from daemon.pixels.thumbnails import placeholder_jpeg, thumbnail_jpeg
from daemon.runs.predicted_masks import newest_prediction, predict_run, settings_file, visible_mask
from daemon.runs.run_folder import RunFolder
from daemon.web.page import NothingToShow, Sources
from daemon.web.picture_cache import PictureCache

SIZES = (64, 128, 256, 512, 1024, 2048)
USUAL_PX = 256
FRESH_S = 60  # a browser asks again after that
FOLDER = "thumbnails"  # of the cache, in the state folder
MEGAPIXEL = 1_000_000
MOST_BYTES = 2**31  # of a file, as everywhere
NOT_KEPT = "The file of this image is not kept on this machine"
_ID = "<int(max=9223372036854775807):image_id>"  # the largest number that SQLite knows


def image_routes(sources: Sources) -> Blueprint:
    """The addresses of pictures; each only reads the store and the run folders."""
    routes, draw = Blueprint("images", __name__, url_prefix="/images"), _Drawer(sources)

    @routes.get(f"/{_ID}/thumbnail.jpg")
    def thumbnail(image_id: int) -> ResponseReturnValue:
        return draw.thumbnail(image_id, _longest_px())

    @routes.get(f"/{_ID}/prediction.png")
    def prediction(image_id: int) -> ResponseReturnValue:
        return draw.prediction(image_id, _longest_px(), request.args.get("cycle", type=int))

    @routes.get(f"/{_ID}/label.png")
    def label(image_id: int) -> ResponseReturnValue:
        return draw.label(image_id, _longest_px())

    return routes


class _Drawer:
    """Draws the pictures of one application, or takes them from its cache."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._caches: dict[Path, PictureCache] = {}

    def thumbnail(self, image_id: int, px: int) -> Response:
        """The image as people see it; a drawn one that says why there is none."""
        config, image = self._config(), self._image(image_id)
        if image is None:
            abort(404, f"there is no image {image_id}")
        most = config.images.max_megapixels * MEGAPIXEL
        key = f"{image.sha256} {_stamp(image.path)} {most} {px}"
        try:
            return _picture(self._drawn(config, key, lambda: _thumbnail(image, px, most)), key)
        except ImageRefused as exc:
            words = f"Cannot be shown: {exc.got}" if image.path.exists() else NOT_KEPT
            return _picture(placeholder_jpeg(words, px))

    def prediction(self, image_id: int, px: int, cycle: int | None) -> Response:
        """The mask that a model drew for an image. cycle: whose PREDICT run; None: the newest."""
        config, image = self._config(), self._image(image_id)
        run = image and _prediction_run(config.state / "runs", image.id, cycle)
        if not run:
            abort(404, f"no prediction of image {image_id} is kept")
        mask, own = run.mask(image_id), settings_file(run)
        usual, colours = config.predictions.model_dump(), class_colours(config.class_set)
        key = f"{mask} {_stamp(mask)} {_stamp(own)} {usual} {colours} {px}"

        def drawn() -> bytes:
            return overlay_png(visible_mask(run, image_id, **usual), colours, px)

        try:
            return _picture(self._drawn(config, key, drawn), key, "image/png")
        except MaskRefused as exc:
            abort(404, f"the prediction of image {image_id} cannot be read: got {exc.got}")

    def label(self, image_id: int, px: int) -> Response:
        """The label of an image that counts."""
        config = self._config()
        with self._sources.store() as store:
            try:
                content = store.label_png(image_id)
            except KeyError:
                abort(404, f"image {image_id} has no label")
        colours = class_colours(config.class_set)
        key = f"{hashlib.sha256(content).hexdigest()} {colours} {px}"

        def drawn() -> bytes:
            with Pillow.open(io.BytesIO(content)) as png:
                return overlay_png(np.asarray(png, np.uint8), colours, px)

        return _picture(self._drawn(config, key, drawn), key, "image/png")

    def _config(self) -> Config:
        if self._sources.read_config is None:
            raise NothingToShow("these pages show the status alone")
        return self._sources.read_config()

    def _image(self, image_id: int) -> Image | None:
        with self._sources.store() as store:
            return store.images_of([image_id]).get(image_id)

    def _drawn(self, config: Config, key: str, draw: Callable[[], bytes]) -> bytes:
        folder = config.state / FOLDER
        return self._caches.setdefault(folder, PictureCache(folder)).picture(key, draw)


def _thumbnail(image: Image, px: int, max_pixels: int) -> bytes:
    content = read_file(image.path, where=image.name, max_bytes=MOST_BYTES)
    return thumbnail_jpeg(content, px, where=image.name, max_pixels=max_pixels)


def _prediction_run(runs: Path, image_id: int, cycle: int | None) -> RunFolder | None:
    if cycle is None:
        return newest_prediction(runs, image_id)
    run = predict_run(runs, cycle)
    return run if run.mask(image_id).exists() else None


def _longest_px() -> int:
    wanted = request.args.get("px", USUAL_PX, type=int)
    return next((px for px in SIZES if px >= wanted), SIZES[-1])


def _stamp(path: Path) -> str:
    """Differs when the bytes of a file may have changed; "" for none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return ""
    return f"{found.st_mtime_ns} {found.st_size}"


def _picture(content: bytes, key: str = "", mimetype: str = "image/jpeg") -> Response:
    """A picture. key: differs when the picture does; "" for one that no browser may keep."""
    response = Response(content, mimetype=mimetype)
    if key:
        response.set_etag(hashlib.sha256(key.encode()).hexdigest()[:32])
        response.headers["Cache-Control"] = f"private, max-age={FRESH_S}"
        response.make_conditional(request)
    return response

"""The map of the images: what looks alike lies together, coloured by what is known of each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue

from daemon.config.loading import Config
from daemon.domain import Role
from daemon.insight.map_columns import MapField, encoded, map_fields
from daemon.insight.map_view import CAN_SAY, CANNOT_SAY, MapImage, MapImages, MapView, summary
from daemon.insight.view_model import ViewModel
from daemon.status.map_images import read_image_facts, similar_images
from daemon.status.map_points import read_map_facts
from daemon.status.map_state import MapState, read_map_state
from daemon.web.map_frame import frame_response
from daemon.web.page import NothingToShow, Page, Sources

POINTS = "/map/points"
MOST_LISTED = 100  # images of one answer
SIMILAR = 12  # images that an image is shown with
_ID = "<int(max=2147483647):image_id>"


def build(sources: Sources) -> MapView:
    """What the page says; the points come by themselves."""
    status, state = sources.read_status(), MapState()
    if sources.read_config is not None and status.cycle is not None:
        with sources.store() as store:
            state = read_map_state(sources.read_config(), store)
    waiting = max(0, sum(status.images.values()) - state.images)
    asked = status.tasks.open, status.labels.spent, status.images.get(Role.EXCLUDED.value, 0)
    return MapView(
        run=state.run,
        points=state.images,
        waiting=waiting,
        fitted=state.fitted,
        method=state.method,
        drawing=state.drawing,
        fault=state.fault,
        points_address=POINTS,
        revision="/".join((state.run, state.scores, state.audited, *map(str, asked))),
        fields=_fields(state),
        summary=summary(state.images, state.fitted, state.method, waiting),
        can_say=CAN_SAY,
        cannot_say=CANNOT_SAY,
    )


def _fields(state: MapState) -> tuple[MapField, ...]:
    """The columns of the map; none before it is drawn."""
    if not state.run:
        return ()
    return map_fields(
        state.classes,
        scored=bool(state.scores),
        grouped=state.grouped,
        audited=bool(state.audited),
    )


def routes(routes: Blueprint, sources: Sources) -> None:
    """The points, the frame that draws them, and the images behind them."""

    @routes.get(POINTS)
    def points() -> ResponseReturnValue:
        return _points(sources)

    @routes.get("/map/frame")
    def frame() -> ResponseReturnValue:
        return frame_response()

    _list_routes(routes, sources)


def _list_routes(routes: Blueprint, sources: Sources) -> None:
    """What is known of the images: by name, by number, by likeness, and of one alone."""

    @routes.get("/map/search.json")
    def search() -> ResponseReturnValue:
        text = request.args.get("name", "")[:200]
        with sources.store() as store:
            names = store.image_names(text, MOST_LISTED) if text else {}
        return _json(_listed(names))

    @routes.get("/map/images.json")
    def listed() -> ResponseReturnValue:
        ids = [int(one) for one in request.args.get("ids", "").split(",") if _is_id(one)]
        with sources.store() as store:
            known = store.images_of(ids[:MOST_LISTED])
        names = {one: known[one].name for one in ids[:MOST_LISTED] if one in known}
        return _json(_listed(names))

    @routes.get(f"/map/similar/{_ID}.json")
    def similar(image_id: int) -> ResponseReturnValue:
        number = request.args.get("n", SIMILAR, type=int)
        found = similar_images(_config_of(sources), image_id, max(1, min(number, MOST_LISTED)))
        with sources.store() as store:
            known = store.images_of([one for one, _ in found])
        images = [
            MapImage(id=one, name=known[one].name, similarity=round(product, 4))
            for one, product in found
            if one in known
        ]
        return _json(MapImages(images=tuple(images)))

    @routes.get(f"/map/images/{_ID}.json")
    def image(image_id: int) -> ResponseReturnValue:
        with sources.store() as store:
            facts = read_image_facts(_config_of(sources), store, image_id)
        if facts is None:
            abort(404, f"there is no image {image_id}")
        return _json(facts)


def _points(sources: Sources) -> Response:
    """All points as one block of bytes; 304 where the page has them."""
    with sources.store() as store:
        facts = read_map_facts(_config_of(sources), store)
    if facts is None:
        raise NothingToShow("no map has been drawn yet")
    block = encoded(facts)
    response = Response(block, mimetype="application/octet-stream")
    response.set_etag(hashlib.blake2b(block, digest_size=16).hexdigest())
    response.headers["Cache-Control"] = "no-cache"  # kept, and asked about each time
    response.make_conditional(request)
    return response


def _listed(names: Mapping[int, str]) -> MapImages:
    return MapImages(images=tuple(MapImage(id=one, name=name) for one, name in names.items()))


def _json(model: ViewModel) -> Response:
    return jsonify(model.as_json())


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _config_of(sources: Sources) -> Config:
    if sources.read_config is None:
        raise NothingToShow("these pages show the status alone")
    return sources.read_config()


PAGE = Page(
    name="map",
    title="Map",
    template="map.html",
    model=MapView,
    build=build,
    routes=routes,
)

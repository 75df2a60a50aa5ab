"""New images: listed every minute, looked into, and kept with their size and digest."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from connectors.images import inspect, keep
from daemon.domain import Fault, FoundImage, Image
from daemon.errors import ImageRefused
from daemon.moments import is_due
from daemon.stages.context import Context

log = logging.getLogger(__name__)

CURSOR = "cursor"  # the fact that says how far the answers were read
_LISTED = "images_listed_at"
_LISTING_EVERY = timedelta(seconds=60)


def list_images(context: Context) -> None:
    """Take in the images that are new, at most once a minute."""
    store, now = context.store, context.now()
    listed = store.fact(_LISTED)
    if listed and not is_due(datetime.fromisoformat(listed), _LISTING_EVERY, now):
        return
    known = store.known_keys()
    _take_in(context, (found for found in context.connector.images() if found.key not in known))
    store.keep_fact(_LISTED, now.isoformat())


def _take_in(context: Context, new: Iterable[FoundImage]) -> None:
    store, fresh = context.store, 0
    for found in new:
        where = f"image {found.key}"
        try:
            image = _look_inside(context, found)
        except ImageRefused as exc:
            fault = Fault(
                where=where,
                got=str(exc),
                expected="a whole image that can be decoded",
                cure="replace the file; the daemon looks again every minute",
            )
            store.quarantine([fault], context.now())
            continue
        with store.atomic():
            store.add_image(image, found.task)
            store.release([where])
            store.keep_fact(CURSOR, "")  # it may have annotations that came before it
        fresh += 1
    if fresh:
        log.info("images found new=%d", fresh)


def _look_inside(context: Context, found: FoundImage) -> Image:
    pixels = context.config.images.max_megapixels * 10**6
    content = context.connector.read(found)
    seen = inspect(content, where=found.key, max_pixels=pixels)
    path = None if seen.turned else _local_path(found.uri)
    if path is None:
        cache = context.config.state / "images"
        path = keep(content, cache, where=found.key, max_pixels=pixels).path
    return Image(
        id=0,
        key=found.key,
        name=found.name,
        uri=found.uri,
        path=path,
        height_px=seen.height_px,
        width_px=seen.width_px,
        sha256=seen.sha256,
    )


def _local_path(uri: str) -> Path | None:
    with suppress(ValueError):
        parts = urlsplit(uri)
        if parts.scheme == "file":
            return Path(unquote(parts.path))
    return None

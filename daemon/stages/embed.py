"""EMBED: a vector for every new image, the validation set once, and what would leak from it."""

from __future__ import annotations

import logging

import numpy as np

from daemon.domain import Image, Role, Stage
from daemon.runs import EmbedRequest
from daemon.split import (
    FloatArray,
    alike,
    draw_validation,
    group_mates,
    rows_of,
    validation_size,
)
from daemon.stages.context import Context, files_of
from daemon.stages.run_settings import ask

log = logging.getLogger(__name__)

_DRAWN = "validation_drawn"


def embed(context: Context, cycle: int) -> bool:
    """Embed the images that have no embedding yet; True when done. Then decide their roles."""
    run = context.run(cycle, Stage.EMBED)
    if not run.request_file.exists():
        table = context.embeddings(context.encoder())
        new = [image for image in context.store.images() if image.id not in table]
        if new:
            request = context.request(EmbedRequest, images=files_of(new))
            ask(context, run, Stage.EMBED, request)
    if run.request_file.exists() and not context.launcher.advance(run, "embed"):
        return False
    decide_roles(context)
    return True


def decide_roles(context: Context) -> None:
    """Draw validation once; exclude what would leak from it. Twice changes nothing."""
    store, table = context.store, context.embeddings()
    images = [image for image in store.images() if image.id in table]
    with store.atomic():
        if store.fact(_DRAWN) is None:
            _draw(context, images)
            store.keep_fact(_DRAWN, context.now().isoformat())
    _exclude_leaks(context, [image for image in store.images() if image.id in table], table)


def _draw(context: Context, images: list[Image]) -> None:
    settings = context.config.validation
    first_of_content = list({image.sha256: image for image in reversed(images)}.values())
    size = validation_size(
        len(first_of_content),
        share=settings.share,
        at_least=settings.min_images,
        at_most=settings.max_images,
    )
    chosen = draw_validation(
        first_of_content,
        size,
        seed=context.config.selection.seed,
        group_by=settings.group_by,
    )
    context.store.set_roles(Role.VALIDATION, dict.fromkeys(chosen, "drawn by hash"))
    mates = group_mates(images, chosen, settings.group_by)
    context.store.set_roles(Role.EXCLUDED, dict.fromkeys(mates, "in a group of validation"))
    log.info("validation drawn images=%d excluded_by_group=%d", len(chosen), len(mates))


def _exclude_leaks(context: Context, images: list[Image], table: dict[int, FloatArray]) -> None:
    validation = [image.id for image in images if image.role is Role.VALIDATION]
    pool = [image.id for image in images if image.role is Role.POOL]
    close = alike(
        np.array(pool, dtype=np.int64),
        rows_of(pool, table),
        rows_of(validation, table),
        similarity=context.config.selection.duplicate_similarity,
    )
    reasons = {
        image_id: f"near-duplicate of validation, similarity {similarity:.3f}"
        for image_id, similarity in close.items()
    }
    context.store.set_roles(Role.EXCLUDED, reasons)
    if reasons:
        log.info("near-duplicates of validation left out images=%d", len(reasons))

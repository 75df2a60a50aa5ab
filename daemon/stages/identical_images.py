"""Images with the same bytes: one of them, the original, is used and its copies are excluded.

The original is the validation image, else the labeled one, else the one that was asked, else the
first. A copy is not asked, scored or trained on, labeled or not, since it would count the same
picture twice. If a copy is labeled and its original was never asked, they swap.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from daemon.domain import Exclusion, IdenticalImage, Role
from daemon.stages.context import Context

log = logging.getLogger(__name__)


def exclude_copies(context: Context) -> None:
    """Exclude all but one image of each group with the same bytes. Twice changes nothing."""
    store = context.store
    groups = store.identical_images()
    if not groups:
        return
    labeled, asked = store.labeled_ids(), store.queried_ids()
    with store.atomic():
        copies = sum(_exclude_copies_of_group(context, group, labeled, asked) for group in groups)
    if copies:
        log.info("images excluded as copies images=%d", copies)


def _exclude_copies_of_group(
    context: Context, group: Sequence[IdenticalImage], labeled: set[int], asked: set[int]
) -> int:
    """Exclude all images of a group but its original; returns how many became copies."""
    store = context.store
    originals = [image for image in group if image.copy_of is None]
    original = min(originals or group, key=lambda image: _precedence(image, labeled, asked))
    role = original.role if originals else Role.POOL
    if not originals:
        store.free_copy(original.id, role)
    unused = original.id not in labeled | asked
    labeled_copies = [image for image in group if image.copy_of is not None and image.id in labeled]
    if originals and unused and labeled_copies and original.role is not Role.EXCLUDED:
        store.free_copy(labeled_copies[0].id, role)
        _exclude(context, original, labeled_copies[0])
        original = labeled_copies[0]
    new_copies = 0
    for image in group:
        is_pool = image.copy_of is None and image.role is Role.POOL
        has_other_original = image.copy_of is not None and image.copy_of != original.id
        if image.id != original.id and (is_pool or has_other_original):
            _exclude(context, image, original)
            new_copies += is_pool
    return new_copies


def _exclude(context: Context, copy: IdenticalImage, original: IdenticalImage) -> None:
    context.store.exclude(Exclusion.COPY, {copy.id: f"the same bytes as {original.key}"})
    context.store.keep_copy_of(copy.id, original.id)


def _precedence(
    image: IdenticalImage, labeled: set[int], asked: set[int]
) -> tuple[bool, bool, bool, int]:
    """The sort key of an image in its group; the first becomes the original."""
    return (
        image.role is not Role.VALIDATION,
        image.id not in labeled,
        image.id not in asked,
        image.id,
    )

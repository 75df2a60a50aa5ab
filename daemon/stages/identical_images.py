"""Images with the same bytes: one stands for all of them, the others are left out.

The one that stands for them is the validation image among them, else the one that was asked or
labeled, else the first. A copy is not asked, not scored and not trained on, with or without a
label: it would count the same picture twice. Where a copy is labeled and the other was never asked,
they change places.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from daemon.domain import Exclusion, IdenticalImage, Role
from daemon.stages.context import Context

log = logging.getLogger(__name__)


def exclude_copies(context: Context) -> None:
    """Give all images of each content one role between them. Twice changes nothing."""
    store = context.store
    groups = store.identical_images()
    if not groups:
        return
    labeled, asked = store.labeled_ids(), store.queried_ids()
    with store.atomic():
        copies = sum(_settle(context, group, labeled, asked) for group in groups)
    if copies:
        log.info("images left out as copies of others images=%d", copies)


def _settle(
    context: Context, group: Sequence[IdenticalImage], labeled: set[int], asked: set[int]
) -> int:
    """How many images became copies."""
    store = context.store
    own = [one for one in group if one.copy_of is None]
    first = min(own or group, key=lambda one: _precedence(one, labeled, asked))
    role = first.role if own else Role.POOL
    if not own:
        store.free_copy(first.id, role)
    spare = first.id not in labeled | asked
    better = [one for one in group if one.copy_of is not None and one.id in labeled]
    if own and spare and better and first.role is not Role.EXCLUDED:
        store.free_copy(better[0].id, role)
        _leave_out(context, first, better[0])
        first = better[0]
    made = 0
    for one in group:
        is_pool = one.copy_of is None and one.role is Role.POOL
        follows = one.copy_of is not None and one.copy_of != first.id
        if one.id != first.id and (is_pool or follows):
            _leave_out(context, one, first)
            made += is_pool
    return made


def _leave_out(context: Context, copy: IdenticalImage, original: IdenticalImage) -> None:
    words = f"the same bytes as {original.key}"
    context.store.exclude(Exclusion.COPY, {copy.id: words})
    context.store.keep_copy_of(copy.id, original.id)


def _precedence(
    one: IdenticalImage, labeled: set[int], asked: set[int]
) -> tuple[bool, bool, bool, int]:
    return (
        one.role is not Role.VALIDATION,
        one.id not in labeled,
        one.id not in asked,
        one.id,
    )

"""Decides the role of each image: validation, excluded, or pool.

Validation is drawn once and stays. Images that would leak from validation or the test set into
training are excluded; the rest is the pool. Roles are decided again when images arrive or a setting
changes, so an excluded image comes back when the limit that excluded it changes.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from daemon.config.loading import Config
from daemon.domain import Exclusion, Image, Role
from daemon.domain.errors import PoolEmpty
from daemon.rules.validation_split import (
    FloatArray,
    draw_validation,
    group_mates,
    similar_to_any,
    stack_embeddings,
    validation_size,
)
from daemon.stages.context import Context
from daemon.stages.test_set import KnownTestSet, known_test_set

log = logging.getLogger(__name__)

VALIDATION_DRAWN = "validation_drawn"
DECIDED_WITH = "roles_decided_with"  # the fact: the settings of the last decision
VALIDATION_IN_TEST_SET = "validation_in_test_set"  # the fact: how many images are in both
OTHER_EXCLUSIONS = frozenset(
    {Exclusion.COPY, Exclusion.UNREADABLE, Exclusion.PERSON}
)  # the intake or a person decides them
ROLE_EXCLUSIONS = frozenset(Exclusion) - OTHER_EXCLUSIONS
Reasons = Mapping[int, tuple[Exclusion, str]]
Table = Mapping[int, FloatArray]


@dataclass(frozen=True, kw_only=True)
class RolePlan:
    """The roles of some images; those that are neither validation nor excluded are the pool.

    validation: ids. excluded: id -> (reason, its text). nearest: id -> cosine similarity to the
    nearest validation image, for images at or above the limit.
    """

    validation: frozenset[int]
    excluded: Reasons
    nearest: Mapping[int, float]


def decide_roles(context: Context) -> None:
    """Draw validation once; exclude images that would leak from it or from the test set.

    Twice changes nothing. Raises PoolEmpty, before validation is drawn, if no image would be left
    to train on.
    """
    store, table, test = context.store, context.embeddings(), known_test_set(context)
    before = store.excluded()
    images = [
        image
        for image in store.images()
        if image.id in table and before.get(image.id) not in OTHER_EXCLUSIONS
    ]
    drawn = store.fact(VALIDATION_DRAWN) is not None
    roles = plan_roles(context.config, images, table, test, drawn=drawn)
    if not drawn and images and not roles.validation and context.config.validation.min_images:
        raise PoolEmpty(no_validation_message(context.config, images, roles))
    if not drawn and images and len(roles.validation) + len(roles.excluded) >= len(images):
        raise PoolEmpty(empty_pool_message(context.config, images, roles))
    _save_roles(context, images, roles, before)


def plan_roles(
    config: Config, images: Sequence[Image], table: Table, test: KnownTestSet, *, drawn: bool
) -> RolePlan:
    """Decide the roles of these images. Pure.

    table: image id -> embedding (D,). drawn: whether validation was drawn before; otherwise it is
    drawn here.
    """
    tested = _test_images(config, images, table, test)
    if drawn:
        validation = {image.id for image in images if image.role is Role.VALIDATION}
    else:
        validation = _draw(config, [image for image in images if image.id not in tested])
    mates = group_mates(images, validation, config.validation.group_by)
    others = [image.id for image in images if image.id not in validation]
    near = _near(config, others, table, stack_embeddings(sorted(validation), table))
    reasons: dict[int, tuple[Exclusion, str]] = {
        image_id: (
            Exclusion.NEAR_VALIDATION,
            f"near-duplicate of validation, similarity {similarity:.4f}",
        )
        for image_id, similarity in near.items()
    }
    contents = {image.sha256 for image in images if image.id in validation}
    copies = [image.id for image in images if image.sha256 in contents]
    reasons |= dict.fromkeys(copies, (Exclusion.NEAR_VALIDATION, "a copy of a validation image"))
    reasons |= dict.fromkeys(mates, (Exclusion.GROUP, "in a group of validation"))
    reasons |= tested
    return RolePlan(
        validation=frozenset(validation),
        excluded={key: value for key, value in reasons.items() if key not in validation},
        nearest=near,
    )


def no_validation_message(config: Config, images: Sequence[Image], roles: RolePlan) -> str:
    """Why there is no validation image, and what to do."""
    if roles.excluded:
        return empty_pool_message(config, images, roles)
    return (
        f"nothing can be measured: got {len(images)} usable image, of which none can be kept for "
        f"validation; expected at least 2 with different content; add images, or go without a "
        f"curve by [validation] min_images = 0"
    )


def empty_pool_message(config: Config, images: Sequence[Image], roles: RolePlan) -> str:
    """Why no image is left to train on, and the settings that decide it."""
    counts = Counter(why for why, _ in roles.excluded.values())
    lines = [
        f"{count} {EXCLUSION_TEXTS[why]} ({CURES[why].format(**_settings(config))})"
        for why, count in sorted(counts.items())
    ]
    return (
        f"nothing is left to train on: of {len(images)} images {len(roles.validation)} would be "
        f"validation, and {'; '.join(lines)}{_similarity_text(counts, roles)}; correct "
        f"the setting, or add other images"
    )


def excluded_pool_message(context: Context) -> str:
    """Why the pool is empty though there are images; "" if it is not empty."""
    counts, roles = context.store.exclusion_counts(), context.store.role_counts()
    if roles.get(Role.POOL) or not counts:
        return ""
    settings = _settings(context.config)
    lines = [
        f"{count} {EXCLUSION_TEXTS[why]} ({CURES[why].format(**settings)})"
        for why, count in counts.items()
    ]
    return (
        f"no image is left to train on: beside {roles.get(Role.VALIDATION, 0)} validation images, "
        f"{'; '.join(lines)}; correct the setting, or add other images"
    )


def roles_are_outdated(context: Context) -> bool:
    """Whether a setting changed or images arrived since roles were decided."""
    if context.store.fact(DECIDED_WITH) != _decided_with(context.config):
        return True
    table = context.embeddings()
    return any(
        image.id not in table and image.role is not Role.EXCLUDED
        for image in context.store.images()
    )


def _decided_with(config: Config) -> str:
    return json.dumps([_settings(config), config.test.ids])


EXCLUSION_TEXTS = {
    Exclusion.GROUP: "share a group with validation images",
    Exclusion.NEAR_VALIDATION: "are near-duplicates of validation images",
    Exclusion.TEST_CONTENT: "are images of the test set",
    Exclusion.NEAR_TEST: "are near-duplicates of images of the test set",
    Exclusion.COPY: "have the same bytes as others, which stand for them",
    Exclusion.UNREADABLE: "cannot be read",
    Exclusion.PERSON: "were left out by a person",
}
CURES = {
    Exclusion.GROUP: "[validation] group_by = {group_by!r} decides what a group is",
    Exclusion.NEAR_VALIDATION: "[selection] duplicate_similarity = {similarity} decides it",
    Exclusion.TEST_CONTENT: "[test] images = {test!r} and ids decide it",
    Exclusion.NEAR_TEST: "[selection] duplicate_similarity = {similarity} decides it",
    Exclusion.COPY: "add other images",
    Exclusion.UNREADABLE: "restore the files",
    Exclusion.PERSON: "`maskloop ask include ids=...` takes them back",
}


def _settings(config: Config) -> Mapping[str, object]:
    """The values for the placeholders of CURES."""
    return {
        "group_by": config.validation.group_by,
        "similarity": config.selection.duplicate_similarity,
        "test": config.test.images,
    }


def _similarity_text(counts: Mapping[Exclusion, int], roles: RolePlan) -> str:
    """The similarities of the excluded images, if all are near-duplicates of validation."""
    if set(counts) != {Exclusion.NEAR_VALIDATION}:
        return ""
    least = min(roles.nearest.values(), default=1.0)
    if least >= 1:
        return "; they are the same images: no limit separates them"
    return (
        f"; their similarities are {least:.4f} to {max(roles.nearest.values()):.4f}: a higher "
        f"limit keeps those below it, which are hardly new to the model either"
    )


def _draw(config: Config, images: Sequence[Image]) -> set[int]:
    settings = config.validation
    first_of_content = list({image.sha256: image for image in reversed(images)}.values())
    size = validation_size(
        len(first_of_content),
        share=settings.share,
        at_least=settings.min_images,
        at_most=settings.max_images,
    )
    return draw_validation(
        first_of_content, size, seed=config.selection.seed, group_by=settings.group_by
    )


def _test_images(
    config: Config, images: Sequence[Image], table: Table, test: KnownTestSet
) -> dict[int, tuple[Exclusion, str]]:
    """Image id -> why it counts as a test image: same bytes, or near-duplicate."""
    near = _near(config, [image.id for image in images], table, test.embeddings)
    reasons = {
        image_id: (Exclusion.NEAR_TEST, f"near-duplicate of a test image, similarity {value:.4f}")
        for image_id, value in near.items()
    }
    same = {image.id for image in images if image.sha256 in test.sha256}
    return reasons | dict.fromkeys(same, (Exclusion.TEST_CONTENT, "an image of the test set"))


def _near(config: Config, ids: Sequence[int], table: Table, others: FloatArray) -> dict[int, float]:
    limit = config.selection.duplicate_similarity
    rows = stack_embeddings(ids, table)
    if rows.shape[1] != others.shape[1]:  # embeddings of another encoder, or no test image
        return {}
    return similar_to_any(np.array(ids, dtype=np.int64), rows, others, similarity=limit)


def _save_roles(
    context: Context, images: Sequence[Image], roles: RolePlan, before: Mapping[int, Exclusion]
) -> None:
    store, now = context.store, context.now()
    with store.atomic():
        if store.fact(VALIDATION_DRAWN) is None:
            store.set_roles(Role.VALIDATION, dict.fromkeys(roles.validation, "drawn by hash"))
            store.keep_fact(VALIDATION_DRAWN, now.isoformat())
            log.info("validation drawn images=%d", len(roles.validation))
        new: dict[Exclusion, dict[int, str]] = {}
        for image_id, (why, reason) in roles.excluded.items():
            if before.get(image_id) is not why:
                new.setdefault(why, {})[image_id] = reason
        for why, reasons in sorted(new.items()):
            store.exclude(why, reasons)
            _log_event(context, f"{len(reasons)} images {EXCLUSION_TEXTS[why]}: left out")
        readmitted = [
            image.id
            for image in images
            if before.get(image.id) in ROLE_EXCLUSIONS and image.id not in roles.excluded
        ]
        store.readmit(readmitted, "no longer too near to validation or test images")
        if readmitted:
            _log_event(
                context, f"{len(readmitted)} images that were left out are in the pool again"
            )
        _save_validation_in_test_set(context, images)
        store.keep_fact(DECIDED_WITH, _decided_with(context.config))


def _log_event(context: Context, message: str) -> None:
    log.info("roles: %s", message)
    context.store.add_event("info", message, context.now())


def _save_validation_in_test_set(context: Context, images: Sequence[Image]) -> None:
    known = known_test_set(context).sha256
    count = sum(image.role is Role.VALIDATION and image.sha256 in known for image in images)
    if str(count) != (context.store.fact(VALIDATION_IN_TEST_SET) or "0"):
        context.store.keep_fact(VALIDATION_IN_TEST_SET, str(count))
        _log_event(
            context, f"{count} validation images are test images too: the two figures agree there"
        )

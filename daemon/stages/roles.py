"""The role of each image: validation is drawn once; images that would leak from validation or the
test set are excluded; the rest is the pool. Roles are decided again whenever images arrive or a
setting changes.

An excluded image comes back when the limit that excluded it changes. Validation never moves.
"""

from __future__ import annotations

import json
import logging
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

DRAWN = "validation_drawn"
DECIDED_WITH = "roles_decided_with"  # the fact: the settings that roles were decided with
TESTED_VALIDATION = "validation_in_test_set"  # how many validation images are test images
INTAKE_EXCLUSIONS = frozenset({Exclusion.COPY, Exclusion.UNREADABLE})  # decided by the intake
ROLE_EXCLUSIONS = frozenset(Exclusion) - INTAKE_EXCLUSIONS
Reasons = Mapping[int, tuple[Exclusion, str]]
Table = Mapping[int, FloatArray]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """validation: ids. excluded: id -> why, and the reason in words. nearest: id -> similarity to
    the nearest validation image, of those that are too near."""

    validation: frozenset[int]
    excluded: Reasons
    nearest: Mapping[int, float]


def decide_roles(context: Context) -> None:
    """Draw validation once; exclude what would leak from it or from the test set.

    Twice changes nothing. Raises PoolEmpty, before anything is drawn, where nothing would be left
    to train on.
    """
    store, table, test = context.store, context.embeddings(), known_test_set(context)
    why = store.excluded()
    images = [
        image
        for image in store.images()
        if image.id in table and why.get(image.id) not in INTAKE_EXCLUSIONS
    ]
    drawn = store.fact(DRAWN) is not None
    found = plan(context.config, images, table, test, drawn=drawn)
    if not drawn and images and not found.validation and context.config.validation.min_images:
        raise PoolEmpty(words_of_no_validation(context.config, images, found))
    if not drawn and images and len(found.validation) + len(found.excluded) >= len(images):
        raise PoolEmpty(words_of_empty_pool(context.config, images, found))
    _keep(context, images, found, why)


def plan(
    config: Config, images: Sequence[Image], table: Table, test: KnownTestSet, *, drawn: bool
) -> Plan:
    """The roles of these images. Pure.

    drawn: whether validation was drawn before; otherwise it is drawn here.
    """
    tested = _test_images(config, images, table, test)
    if drawn:
        validation = {image.id for image in images if image.role is Role.VALIDATION}
    else:
        validation = _drawn(config, [image for image in images if image.id not in tested])
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
    return Plan(
        validation=frozenset(validation),
        excluded={key: value for key, value in reasons.items() if key not in validation},
        nearest=near,
    )


def words_of_no_validation(config: Config, images: Sequence[Image], found: Plan) -> str:
    """Why there is no validation image, with what can be done."""
    if found.excluded:
        return words_of_empty_pool(config, images, found)
    return (
        f"nothing can be measured: got {len(images)} usable image, of which none can be kept for "
        f"validation; expected at least 2 with different content; add images, or go without a "
        f"curve by [validation] min_images = 0"
    )


def words_of_empty_pool(config: Config, images: Sequence[Image], found: Plan) -> str:
    """Why nothing is left to train on, with the setting that decides it."""
    counts: dict[Exclusion, int] = {}
    for why, _ in found.excluded.values():
        counts[why] = counts.get(why, 0) + 1
    lines = [
        f"{count} {EXCLUDED_WORDS[why]} ({CURES[why].format(**_settings(config))})"
        for why, count in sorted(counts.items())
    ]
    return (
        f"nothing is left to train on: of {len(images)} images {len(found.validation)} would be "
        f"validation, and {'; '.join(lines)}{_limit_words(counts, found)}; correct the setting, or "
        f"add other images"
    )


def words_of_excluded(context: Context) -> str:
    """Why the pool is empty though there are images, "" where it is not."""
    counts, roles = context.store.exclusion_counts(), context.store.role_counts()
    if roles.get(Role.POOL) or not counts:
        return ""
    settings = _settings(context.config)
    lines = [
        f"{count} {EXCLUDED_WORDS[why]} ({CURES[why].format(**settings)})"
        for why, count in counts.items()
    ]
    return (
        f"no image is left to train on: beside {roles.get(Role.VALIDATION, 0)} validation images, "
        f"{'; '.join(lines)}; correct the setting, or add other images"
    )


def undecided(context: Context) -> bool:
    """Whether roles may differ from those that were decided last: a setting changed, or images
    arrived since."""
    if context.store.fact(DECIDED_WITH) != _decided_with(context.config):
        return True
    table = context.embeddings()
    return any(
        image.id not in table and image.role is not Role.EXCLUDED
        for image in context.store.images()
    )


def _decided_with(config: Config) -> str:
    return json.dumps([_settings(config), config.test.ids])


EXCLUDED_WORDS = {
    Exclusion.GROUP: "share a group with validation images",
    Exclusion.NEAR_VALIDATION: "are near-duplicates of validation images",
    Exclusion.TEST_CONTENT: "are images of the test set",
    Exclusion.NEAR_TEST: "are near-duplicates of images of the test set",
    Exclusion.COPY: "have the same bytes as others, which stand for them",
    Exclusion.UNREADABLE: "cannot be read",
}
CURES = {
    Exclusion.GROUP: "[validation] group_by = {group_by!r} decides what a group is",
    Exclusion.NEAR_VALIDATION: "[selection] duplicate_similarity = {similarity} decides it",
    Exclusion.TEST_CONTENT: "[test] images = {test!r} and ids decide it",
    Exclusion.NEAR_TEST: "[selection] duplicate_similarity = {similarity} decides it",
    Exclusion.COPY: "add other images",
    Exclusion.UNREADABLE: "restore the files",
}


def _settings(config: Config) -> Mapping[str, object]:
    return {
        "group_by": config.validation.group_by,
        "similarity": config.selection.duplicate_similarity,
        "test": config.test.images,
    }


def _limit_words(counts: Mapping[Exclusion, int], found: Plan) -> str:
    """The limit from which on images remain, where near-duplicates are the only reason."""
    if set(counts) != {Exclusion.NEAR_VALIDATION}:
        return ""
    least = min(found.nearest.values(), default=1.0)
    if least >= 1:
        return "; they are the same images: no limit separates them"
    return (
        f"; their similarities are {least:.4f} to {max(found.nearest.values()):.4f}: a higher "
        f"limit keeps those below it, which are hardly new to the model either"
    )


def _drawn(config: Config, images: Sequence[Image]) -> set[int]:
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
    """Image id -> why it counts as a test image: the same bytes, or a near-duplicate."""
    near = _near(config, [image.id for image in images], table, test.embeddings)
    found = {
        image_id: (Exclusion.NEAR_TEST, f"near-duplicate of a test image, similarity {value:.4f}")
        for image_id, value in near.items()
    }
    same = {image.id for image in images if image.sha256 in test.sha256}
    return found | dict.fromkeys(same, (Exclusion.TEST_CONTENT, "an image of the test set"))


def _near(config: Config, ids: Sequence[int], table: Table, others: FloatArray) -> dict[int, float]:
    limit = config.selection.duplicate_similarity
    rows = stack_embeddings(ids, table)
    if rows.shape[1] != others.shape[1]:  # of another encoder, or none
        return {}
    return similar_to_any(np.array(ids, dtype=np.int64), rows, others, similarity=limit)


def _keep(
    context: Context, images: Sequence[Image], found: Plan, before: Mapping[int, Exclusion]
) -> None:
    store, now = context.store, context.now()
    with store.atomic():
        if store.fact(DRAWN) is None:
            store.set_roles(Role.VALIDATION, dict.fromkeys(found.validation, "drawn by hash"))
            store.keep_fact(DRAWN, now.isoformat())
            log.info("validation drawn images=%d", len(found.validation))
        new: dict[Exclusion, dict[int, str]] = {}
        for image_id, (why, words) in found.excluded.items():
            if before.get(image_id) is not why:
                new.setdefault(why, {})[image_id] = words
        for why, reasons in sorted(new.items()):
            store.exclude(why, reasons)
            _log_event(context, f"{len(reasons)} images {EXCLUDED_WORDS[why]}: left out")
        back = [
            image.id
            for image in images
            if before.get(image.id) in ROLE_EXCLUSIONS and image.id not in found.excluded
        ]
        store.readmit(back, "no longer too near to validation or test images")
        if back:
            _log_event(context, f"{len(back)} images that were left out are in the pool again")
        _count_tested_validation(context, images)
        store.keep_fact(DECIDED_WITH, _decided_with(context.config))


def _log_event(context: Context, words: str) -> None:
    log.info("roles: %s", words)
    context.store.add_event("info", words, context.now())


def _count_tested_validation(context: Context, images: Sequence[Image]) -> None:
    known = known_test_set(context).sha256
    count = sum(image.role is Role.VALIDATION and image.sha256 in known for image in images)
    if str(count) != (context.store.fact(TESTED_VALIDATION) or "0"):
        context.store.keep_fact(TESTED_VALIDATION, str(count))
        _log_event(
            context, f"{count} validation images are test images too: the two figures agree there"
        )

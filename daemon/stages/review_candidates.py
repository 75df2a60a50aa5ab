"""Which labels get a second look: the most suspicious ones, within the budget."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from daemon.domain import TaskState
from daemon.domain.label_findings import Finding, FindingType
from daemon.domain.reviews import Review, ReviewState
from daemon.domain.second_labels import SecondLabelState
from daemon.rules.review_stop import STOP_AFTER, STOP_BELOW, is_not_worth_it
from daemon.stages.context import Context

PLACES = 3  # of an image, whose scores are added up; the reviewer is shown these
READ = 2000  # findings
_TYPES = {
    FindingType.SWAP,
    FindingType.MISSING,
    FindingType.UNLABELED_PART,
    FindingType.OUTSIDE,
    FindingType.SHIFT,
}
# A border alone is no reason to ask again: people repeat theirs no better.
_WORTH_ASKING = {FindingType.SWAP, FindingType.MISSING, FindingType.OUTSIDE}


def reason_for_none(context: Context) -> str:
    """Why no further review is opened; "" where reviews are opened. Before the first audit found
    anything it is ""."""
    store, config = context.store, context.config
    if not config.audit.review_share:
        return ""
    if config.loop.label_in_effect in ("first", "ground_truth"):
        return (
            f'[loop] label_in_effect is "{config.loop.label_in_effect}", so a second label would '
            'count for nothing; set it to "latest" or "majority" for reviews'
        )
    if len(store.annotators()) < 2:
        return (
            "one person has labeled so far, and nobody reviews their own labels; the page Suspects "
            "lists them with links"
        )
    if is_not_worth_it(store.newest_review_outcomes(STOP_AFTER)):
        return (
            f"fewer than {STOP_BELOW:.0%} of the last {STOP_AFTER} reviews corrected their label, "
            "so they cost more than they find"
        )
    return ""


def budget(share: float, batch_images: int) -> int:
    """How many reviews a cycle may open. Pure."""
    return max(1, round(share * batch_images)) if share else 0


def by_suspicion(findings: Sequence[Finding]) -> dict[int, tuple[Finding, ...]]:
    """Image id -> its most suspicious places by an independent model, the image with the largest
    sum of scores first; without images whose only suspicion is a border. Pure."""
    of_image: dict[int, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.type in _TYPES and not finding.weak:
            of_image[finding.image_id].append(finding)
    worth = {
        image_id: tuple(sorted(found, key=lambda one: -one.score)[:PLACES])
        for image_id, found in of_image.items()
        if any(one.type in _WORTH_ASKING for one in found)
    }

    def key(image_id: int) -> tuple[float, int]:
        return -sum(one.score for one in worth[image_id]), image_id

    return {image_id: worth[image_id] for image_id in sorted(worth, key=key)}


def new_reviews(context: Context) -> list[Review]:
    """The reviews to open now, within the budget of the newest cycle."""
    store, config = context.store, context.config
    last = store.last_cycle()
    if last is None:
        return []
    reviews = store.reviews()
    spent = sum(
        one.cycle == last.number and one.state is not ReviewState.WITHDRAWN for one in reviews
    )
    opened = sum(one.state is ReviewState.OPEN for one in reviews)
    left = budget(config.audit.review_share, config.loop.batch_images) - max(spent, opened)
    if left <= 0:
        return []
    places = by_suspicion([finding for _, finding in store.findings(READ)])
    tried = {
        one.image_id
        for one in reviews
        if one.state is not ReviewState.WITHDRAWN or one.cycle == last.number
    }
    rest = {image_id: found for image_id, found in places.items() if image_id not in tried}
    return list(islice(_possible(context, last.number, rest), left))


def _possible(
    context: Context, cycle: int, places: Mapping[int, tuple[Finding, ...]]
) -> Iterator[Review]:
    """The reviews of images that somebody else than the author can look at."""
    store = context.store
    labels, label_tasks = store.label_ids(places), store.label_tasks(places)
    closed = {task.id for task in store.tasks(TaskState.LABELED)}
    closed -= {label.task for label in store.second_labels(SecondLabelState.OPEN)}
    unfit = store.excluded().keys() | store.unconfirmed_ids()
    people = set(store.annotators())
    is_majority = context.config.loop.label_in_effect == "majority"
    for image_id, found in places.items():
        task, annotation = label_tasks.get(image_id), labels.get(image_id)
        if task not in closed or annotation is None or image_id in unfit:
            continue
        answers = store.task_answers(task)
        skippers = store.task_skippers(task)
        taken = {one.annotator for one in answers} | skippers
        if any(one.ground_truth for one in answers) or not people - taken:
            continue
        if is_majority and len({one.annotator for one in answers}) > 1:
            continue  # the label is nobody's alone
        if len(skippers) >= context.config.loop.max_skips:
            continue
        png = store.annotation_png(annotation)
        if png is not None:
            yield Review(
                id=0,
                image_id=image_id,
                cycle=cycle,
                task=task,
                annotation=annotation,
                sha256=hashlib.sha256(png).hexdigest(),
                answers=tuple(one.id for one in answers),
                places=found,
                state=ReviewState.OPEN,
                opened_at=context.now(),
            )

"""Reviews: another person looks once more at the most suspicious labels, while they stay in effect.

A review is written into the store before the labeling tool is asked, and the tool is asked again
until the store knows that it was: a crash between the two opens it once. The author never gets it.
An image has one open review at most, and one answered one in its life. The reviewer's annotation
is the label in effect from then on, because it is the newest; the author's stays in the history.
"""

from __future__ import annotations

import hashlib
import logging

from connectors.base import OpensReviews
from daemon.audit.second_look import outcome_of, place_outcomes, review_regions
from daemon.domain.reviews import Review, ReviewRequest, ReviewState
from daemon.stages.context import Context
from daemon.stages.push import VISIBLE_VERSION
from daemon.stages.review_candidates import new_reviews, reason_for_none
from daemon.store import decode_png

log = logging.getLogger(__name__)


def advance_reviews(context: Context) -> None:
    """Read what reviewers answered, take back what is not needed, open new reviews."""
    store, connector = context.store, context.connector
    opened = store.reviews(ReviewState.OPEN)
    if not opened and not context.config.audit.review_share:
        _say_why_none(context, "")
        return
    if not isinstance(connector, OpensReviews):
        _say_why_none(context, "this labeling tool cannot ask a second person about a label")
        return
    for review in opened:
        _read_answer(context, review)
    _withdraw_needless(context, connector)
    stopped = reason_for_none(context)
    _say_why_none(context, stopped)
    version = store.fact(VISIBLE_VERSION)
    if version is None:
        return
    if not stopped:
        for review in new_reviews(context):
            store.open_review(review)
    _deliver(context, connector, version)


def review_tasks(context: Context) -> list[str]:
    """The tasks that are under review: they belong into the annotators' stream."""
    return [review.task for review in context.store.reviews(ReviewState.OPEN)]


def _say_why_none(context: Context, words: str) -> None:
    """Keep why no review is opened, for the pages, and log it once."""
    if context.store.reviews_stopped() == words:
        return
    context.store.keep_reviews_stopped(words)
    if words:
        context.store.add_event("info", f"no label gets a second look: {words}", context.now())


def _read_answer(context: Context, review: Review) -> None:
    """Close a review that somebody else than the authors answered."""
    store, config = context.store, context.config
    found = store.task_answers(review.task)
    authors = {one.annotator for one in found if one.id in review.answers}
    answers = [
        one for one in found if one.id not in review.answers and one.annotator not in authors
    ]
    before, after = (
        store.annotation_png(name) if name else None
        for name in (review.annotation, answers[-1].id if answers else "")
    )
    if before is None or after is None or _digest(before) != review.sha256:
        return  # _withdraw_needless looks at the rest
    masks = decode_png(before), decode_png(after)
    if masks[0].shape != masks[1].shape:
        return
    tolerance_px = config.audit.tolerance_px
    outcomes = place_outcomes(*masks, review.places, config.class_set, tolerance_px)
    outcome = outcome_of(outcomes)
    message = f"second look at image {review.image_id}: {outcome}"
    with store.atomic():
        store.close_review(review, outcome, context.now(), answer=answers[-1].id, outcomes=outcomes)
        store.add_event("info", message, context.now())
    log.info("%s review=%d task=%s", message, review.id, review.task)


def _withdraw_needless(context: Context, connector: OpensReviews) -> None:
    """Take reviews back whose label changed or left, and those that nobody took."""
    opened = context.store.reviews(ReviewState.OPEN)
    if not opened:
        return
    reasons = {review.id: _why(context, review) for review in opened}
    sent = [review for review in opened if review.version and not reasons[review.id]]
    gone = connector.keep_reviews_open({review.task: len(review.answers) for review in sent})
    for review in opened:
        words = "its task was deleted" if review.task in gone else reasons[review.id]
        if words:
            _withdraw(context, connector, review, words)


def _why(context: Context, review: Review) -> str:
    """Why a review is not needed any more; "" while it is."""
    store, config = context.store, context.config
    if not config.audit.review_share:
        return "[audit] review_share is 0"
    if review.image_id in store.excluded():
        return "its image is not used any more"
    kept = store.annotation_png(review.annotation)
    if kept is None or _digest(kept) != review.sha256:
        return "its author changed or deleted the label"
    if len(store.task_answers(review.task)) > len(review.answers):
        return "its answer cannot be compared with the label"
    if len(store.task_skippers(review.task)) >= config.loop.max_skips:
        return "as many people skipped it as [loop] max_skips says"
    if config.loop.too_old(context.now() - review.opened_at):
        return "nobody took it in [loop] max_wait_hours"
    return ""


def _withdraw(context: Context, connector: OpensReviews, review: Review, words: str) -> None:
    connector.withdraw_reviews([review.task])  # first: after a crash it is taken back once more
    context.store.close_review(review, ReviewState.WITHDRAWN, context.now(), words=words)
    log.info("review withdrawn image=%d task=%s: %s", review.image_id, review.task, words)


def _deliver(context: Context, connector: OpensReviews, version: str) -> None:
    """Send the open reviews that the labeling tool does not show in this version yet."""
    opened = context.store.reviews(ReviewState.OPEN)
    new = [review for review in opened if review.version != version]
    if not new:
        return
    requests = [_request(context, review, opened.index(review)) for review in new]
    usable = connector.open_reviews(version, requests)
    for review in new:
        if review.task in usable:
            context.store.record_review_version(review.id, version)
        else:
            _withdraw(context, connector, review, "the labeling tool cannot show its label now")


def _request(context: Context, review: Review, position: int) -> ReviewRequest:
    kept = context.store.annotation_png(review.annotation)
    regions = (
        review_regions(decode_png(kept), review.places, context.config.class_set) if kept else ()
    )
    return ReviewRequest(
        task=review.task, answers=len(review.answers), position=position, regions=regions
    )


def _digest(png: bytes) -> str:
    return hashlib.sha256(png).hexdigest()

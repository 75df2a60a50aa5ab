"""Second labels: another person labels some validation images too, to learn how well people agree.

The other person begins with an empty page, as the first one did: who sees the first label or a
model's mask repeats much of it, and people would seem to agree better than they do. What is asked
is written into the store before the labeling tool is asked, and the tool is asked again until the
store knows that it was: a crash between the two asks once.
"""

from __future__ import annotations

import logging

from connectors.base import OpensReviews
from daemon.domain.reviews import ReviewRequest, ReviewState
from daemon.domain.second_labels import SecondLabel, SecondLabelState
from daemon.stages.context import Context
from daemon.stages.push import VISIBLE_VERSION
from daemon.stages.second_label_candidates import new_second_labels, reason_for_no_second_label

log = logging.getLogger(__name__)


def advance_second_labels(context: Context) -> None:
    """Read what the other people answered, take back what is not needed, ask for further ones."""
    store, connector = context.store, context.connector
    if not store.second_labels(SecondLabelState.OPEN) and not _wanted(context):
        _say_why_none(context, "")
        return
    if not isinstance(connector, OpensReviews):
        _say_why_none(context, "this labeling tool cannot ask a second person about an image")
        return
    for label in store.second_labels(SecondLabelState.OPEN):
        _read_answer(context, label)
    _withdraw_needless(context, connector)
    stopped = reason_for_no_second_label(context)
    _say_why_none(context, stopped)
    version = store.fact(VISIBLE_VERSION)
    if version is None:
        return
    if not stopped:
        for label in new_second_labels(context):
            store.open_second_label(label)
    _deliver(context, connector, version)


def second_label_tasks(context: Context) -> list[str]:
    """The tasks that wait for a second label: they belong into the annotators' stream."""
    return [label.task for label in context.store.second_labels(SecondLabelState.OPEN)]


def _wanted(context: Context) -> int:
    return context.config.validation.second_labels


def _say_why_none(context: Context, words: str) -> None:
    """Keep why no second label is asked for, for the pages, and log it once."""
    if context.store.second_labels_stopped() == words:
        return
    context.store.keep_second_labels_stopped(words)
    if words:
        message = f"no validation image gets a second label: {words}"
        context.store.add_event("info", message, context.now())


def _read_answer(context: Context, label: SecondLabel) -> None:
    """Close a second label that somebody else than the authors gave."""
    found = context.store.task_answers(label.task)
    authors = {one.annotator for one in found if one.id in label.answers}
    given = [
        one.id for one in found if one.id not in label.answers and one.annotator not in authors
    ]
    if not given or not authors:
        return  # _withdraw_needless looks at the rest
    given_state = SecondLabelState.GIVEN
    context.store.close_second_label(label, given_state, context.now(), answer=given[-1])
    log.info("second label given image=%d task=%s", label.image_id, label.task)


def _withdraw_needless(context: Context, connector: OpensReviews) -> None:
    """Take back those whose image or first label left, and those that nobody took."""
    opened = context.store.second_labels(SecondLabelState.OPEN)
    if not opened:
        return
    reasons = {label.id: _why(context, label) for label in opened}
    sent = [label for label in opened if label.version and not reasons[label.id]]
    gone = connector.keep_reviews_open({label.task: len(label.answers) for label in sent})
    for label in opened:
        if found := reasons[label.id]:
            _withdraw(context, connector, label, *found)
        elif label.task in gone:
            _withdraw(context, connector, label, SecondLabelState.WITHDRAWN, "its task was deleted")


def _why(context: Context, label: SecondLabel) -> tuple[SecondLabelState, str] | None:
    """Why a second label is not needed any more, with the state that follows; None while it is."""
    store, loop = context.store, context.config.loop
    back, dropped = SecondLabelState.WITHDRAWN, SecondLabelState.DROPPED
    if not _wanted(context):
        return back, "[validation] second_labels is 0"
    if label.image_id in store.excluded():
        return back, "its image is not used any more"
    answers = {one.id for one in store.task_answers(label.task)}
    if not answers.issuperset(label.answers):
        return back, "the first label was deleted"
    if answers - set(label.answers):
        return back, "the person who had labeled it labeled it once more"
    if len(store.task_skippers(label.task)) >= loop.max_skips:
        return dropped, "as many people skipped it as [loop] max_skips says"
    if loop.too_old(context.now() - label.opened_at):
        return dropped, "nobody took it in [loop] max_wait_hours"
    return None


def _withdraw(
    context: Context,
    connector: OpensReviews,
    label: SecondLabel,
    state: SecondLabelState,
    words: str,
) -> None:
    connector.withdraw_reviews([label.task])  # first: after a crash it is taken back once more
    context.store.close_second_label(label, state, context.now(), words=words)
    log.info("second label withdrawn image=%d task=%s: %s", label.image_id, label.task, words)


def _deliver(context: Context, connector: OpensReviews, version: str) -> None:
    """Ask for those that the labeling tool does not show in this version yet, after the reviews."""
    opened = context.store.second_labels(SecondLabelState.OPEN)
    new = [label for label in opened if label.version != version]
    if not new:
        return
    before = len(context.store.reviews(ReviewState.OPEN))
    requests = [
        ReviewRequest(
            task=label.task,
            answers=len(label.answers),
            position=before + opened.index(label),
            regions=None,
        )
        for label in new
    ]
    usable = connector.open_reviews(version, requests)
    for label in new:
        if label.task in usable:
            context.store.record_second_label_version(label.id, version)
        else:
            words = "the labeling tool would show a mask with it now"
            _withdraw(context, connector, label, SecondLabelState.WITHDRAWN, words)

"""Which validation images get a second label: a uniform sample of them, by a hash, within the
budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from daemon.domain import Image, Role, TaskState
from daemon.domain.reviews import ReviewState
from daemon.domain.second_labels import SecondLabel, SecondLabelState
from daemon.rules.validation_split import second_label_order
from daemon.stages.context import Context
from daemon.stages.queue import labels_left

PEOPLE = 2  # whose labels of an image are compared
_DROPPED = (TaskState.SKIPPED, TaskState.EXPIRED, TaskState.RETIRED)


def reason_for_no_second_label(context: Context) -> str:
    """Why no further second label is asked for; "" where they are, or all have been."""
    store = context.store
    if not context.config.validation.second_labels or not still_wanted(context):
        return ""
    if len(store.annotators()) < PEOPLE:
        return "one person has labeled so far, and a second label has to come from another one"
    if labels_left(context) <= 0:
        return "the label budget is spent, and a second label costs as much as a first one"
    return ""


def still_wanted(context: Context) -> int:
    """How many further validation images should get a second label, at least 0. Those that people
    skipped count: they are not replaced, as the images in their place would be easier."""
    return max(0, context.config.validation.second_labels - len(_settled(context)))


def most_in_a_cycle(batch_images: int) -> int:
    """How many second labels a cycle may ask for: half a batch, as they come before it. Pure."""
    return max(1, batch_images // 2)


def new_second_labels(context: Context) -> list[SecondLabel]:
    """What to ask for now. Nothing in cycle 0: there the first labels come first, and people wait
    for no model yet."""
    store, last = context.store, context.store.last_cycle()
    if last is None or last.number == 0:
        return []
    of_cycle = [label for label in store.second_labels() if label.cycle == last.number]
    withdrawn = {label.image_id for label in of_cycle if label.state is SecondLabelState.WITHDRAWN}
    most = most_in_a_cycle(context.config.loop.batch_images) - (len(of_cycle) - len(withdrawn))
    chosen = [image for image in _chosen(context) if image.id not in withdrawn]
    wanted = max(0, min(most, labels_left(context)))
    return list(islice(_possible(context, last.number, chosen), wanted))


def _settled(context: Context) -> set[int]:
    """Validation images that were asked for a second label, or that two people labeled anyway."""
    asked = {
        label.image_id
        for label in context.store.second_labels()
        if label.state is not SecondLabelState.WITHDRAWN
    }
    found = context.store.validation_annotators()
    return asked | {image_id for image_id, people in found.items() if len(people) >= PEOPLE}


def _chosen(context: Context) -> list[Image]:
    """The further validation images that should get a second label, labeled by now or not."""
    store = context.store
    dropped = {task.image_id for task in store.tasks(*_DROPPED) if task.is_validation}
    left = _settled(context) | dropped
    rest = [image for image in store.images(Role.VALIDATION) if image.id not in left]
    seed = context.config.selection.seed
    return second_label_order(rest, seed=seed)[: still_wanted(context)]


def _possible(context: Context, cycle: int, images: Sequence[Image]) -> Iterator[SecondLabel]:
    """Second labels of those of these images that are labeled and that somebody else can label."""
    store = context.store
    tasks = store.label_tasks(image.id for image in images)
    closed = {task.id for task in store.tasks(TaskState.LABELED)}
    reviewed = {review.task for review in store.reviews(ReviewState.OPEN)}
    people, unconfirmed = set(store.annotators()), store.unconfirmed_ids()
    for image in images:
        task = tasks.get(image.id)
        if task is None or task not in closed - reviewed or image.id in unconfirmed:
            continue
        answers, skippers = store.task_answers(task), store.task_skippers(task)
        others = people - {one.annotator for one in answers} - skippers
        if others and len(skippers) < context.config.loop.max_skips:
            yield SecondLabel(
                id=0,
                image_id=image.id,
                cycle=cycle,
                task=task,
                answers=tuple(one.id for one in answers),
                state=SecondLabelState.OPEN,
                opened_at=context.now(),
            )

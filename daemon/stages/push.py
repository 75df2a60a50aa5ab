"""PUSH: ask people for the batch, exactly once, in order, with the newest predictions.

The outbox: a chunk is written down before it is sent, under a key that the labeling tool keeps
with its tasks; after any crash or lost answer the connector looks for the key before it sends.
Then one `rerank` gives every open task its place and its prediction under a fresh version name.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from daemon.domain import Ask, Image, KeptPrediction, Pick, PredictionVersion, TaskState
from daemon.stages.context import Context
from daemon.stages.predict import predictions
from daemon.stages.retention import require_space
from daemon.store import Intent, Question, Store
from daemon.store.base import Row

log = logging.getLogger(__name__)

VERSION = "version"  # of the predictions in force
_ATTEMPTED = "version_attempted"  # the newest one that a rerank was tried with


def push(context: Context, cycle: int) -> bool:
    """Ask for this cycle's picks and put all open tasks in order. Twice asks once."""
    require_space(context)
    store = context.store
    asked = store.asked_ids()
    out = store.excluded()  # since they were picked: a run could not use them
    new = [pick for pick in store.picks(cycle) if pick.image_id not in asked | out.keys()]
    if new:
        intend(context, cycle, new, fresh_version(context, cycle))
    deliver(context)
    rerank(context, cycle)
    return True


def deliver(context: Context) -> None:
    """Send every push that is written down and not known to have happened."""
    store = context.store
    pending = store.pending_intents()
    if not pending:
        return
    images = {image.id: image for image in store.images()}
    tasks = store.image_tasks()
    cycles = {_cycle_of(intent.version) for intent in pending}
    masks = {cycle: predictions(context, cycle) for cycle in cycles}
    for intent in pending:
        shown = masks[_cycle_of(intent.version)]
        asks = [_ask(question, intent.cycle, images, shown, tasks) for question in intent.questions]
        store.settle(
            intent, context.connector.push(asks, intent.key, intent.version), context.now()
        )
        log.debug("pushed cycle=%d images=%d key=%s", intent.cycle, len(asks), intent.key)


def rerank(context: Context, cycle: int) -> None:
    """Order and predictions of all open tasks, at once, under a version never used before."""
    store = context.store
    by_position = store.tasks(TaskState.OPEN)
    rows = in_order(by_position, chosen(store, by_position))
    if not rows:
        return
    version = _version_of(context, cycle)
    places = [int(row["position"]) for row in rows]
    if not _hold(store, version, rows, places):
        places = list(range(len(rows)))
        version = fresh_version(context, cycle)
    store.keep_fact(_ATTEMPTED, _newest(version, store.fact(_ATTEMPTED)))
    images = {image.id: image for image in store.images()}
    masks = predictions(context, cycle)
    asks = [
        Ask(
            image=images[row["image_id"]],
            position=position,
            cycle=row["cycle"],
            reason=row["reason"],
            prediction=masks.get(row["image_id"]),
            task=row["task"],
        )
        for position, row in zip(places, rows, strict=True)
    ]
    context.connector.rerank(version, asks)
    with store.atomic():
        store.set_positions({str(ask.task): ask.position for ask in asks})
        store.keep_fact(VERSION, version)
        store.enforce_version(version, context.now())
    log.debug("order in force cycle=%d version=%s tasks=%d", cycle, version, len(asks))


def keep_order(context: Context) -> None:
    """A task that was closed and is open again, as after a deleted answer, has lost its place and
    perhaps its mask: all open tasks are put in order anew."""
    version = context.store.fact(VERSION)
    if version and any(row["closed_at"] for row in context.store.tasks(TaskState.OPEN)):
        rerank(context, _cycle_of(version))


def intend(context: Context, cycle: int, picks: Sequence[Pick], version: str) -> None:
    """Write down, in chunks, that these images are to be asked, behind all open tasks."""
    behind = context.store.position_behind()
    unusable = {row["image_id"] for row in context.store.unusable_answers()}
    questions = [
        Question(
            image_id=pick.image_id,
            position=behind + place,
            arm=pick.arm,
            reason=f"cycle {cycle}, {pick.reason}",
            anew=pick.image_id in unusable,
        )
        for place, pick in enumerate(picks)
    ]
    with context.store.atomic():
        for chunk in _chunks(questions, context.config.loop.push_chunk):
            key = str(uuid.uuid4())
            intent = Intent(key=key, cycle=cycle, version=version, questions=tuple(chunk))
            context.store.intend(intent, context.now())


def fresh_version(context: Context, cycle: int) -> str:
    """A name for predictions that was never used.

    A project may hold predictions that this store knows nothing of, made by one that was lost or
    since the backup that it was restored from; they have this cycle and attempt, but not this end.
    """
    store = context.store
    with store.atomic():
        attempt, nonce = store.next_attempt(cycle), uuid.uuid4().hex[:8]
        version = str(PredictionVersion(cycle=cycle, attempt=attempt, nonce=nonce))
        store.make_version(version, context.now())
    return version


def chosen(store: Store, rows: Sequence[Row]) -> set[int]:
    """The images of the batches that these tasks come from, without their reserves."""
    cycles = {int(row["cycle"]) for row in rows}
    return {pick.image_id for cycle in cycles for pick in store.picks(cycle)}


def in_order(rows: Sequence[Row], batches: Collection[int]) -> list[Row]:
    """Open tasks as they should be served: validation, then older batches, then this one, then
    what was asked from the reserve of any.

    batches: the images of all batches, see `chosen`.
    """

    def place(row: Row) -> tuple[bool, bool, int, int]:
        beyond = row["image_id"] not in batches
        return row["arm"] != "validation", beyond, row["cycle"], row["position"]

    return sorted(rows, key=place)


def _version_of(context: Context, cycle: int) -> str:
    """The version that this cycle's pushes carry, unless a rerank was tried with it or with a
    newer one already."""
    pushed, tried = context.store.pushed_version(cycle), context.store.fact(_ATTEMPTED)
    if pushed is None or (tried is not None and _number(pushed) <= _number(tried)):
        return fresh_version(context, cycle)
    return pushed


def _number(version: str) -> tuple[int, int]:
    """(cycle, attempt) of a version that we made."""
    return PredictionVersion.parse(version).number


def _newest(version: str, other: str | None) -> str:
    return version if other is None else max(version, other, key=_number)


def _hold(store: Store, version: str, rows: Sequence[Row], places: Sequence[int]) -> bool:
    """Whether these tasks may keep their places: in order, none twice, and where some were pushed
    with this version, those that the push gave them."""
    pushed = store.pushed_positions(version)
    apart = all(before < after for before, after in pairwise(places))
    return apart and all(
        pushed.get(row["image_id"], place) == place for row, place in zip(rows, places, strict=True)
    )


def _cycle_of(version: str) -> int:
    """The cycle whose masks a version shows. An image that is asked ahead while the next masks are
    made is shown with the last ones."""
    return PredictionVersion.parse(version).cycle


def _chunks(questions: Sequence[Question], size: int) -> Iterable[Sequence[Question]]:
    return (questions[start : start + size] for start in range(0, len(questions), size))


def _ask(
    question: Question,
    cycle: int,
    images: Mapping[int, Image],
    masks: Mapping[int, KeptPrediction],
    tasks: Mapping[int, str],
) -> Ask:
    return Ask(
        image=images[question.image_id],
        position=question.position,
        cycle=cycle,
        reason=question.reason,
        prediction=masks.get(question.image_id),
        task=tasks.get(question.image_id),
        needs_new_task=question.anew,
    )

"""`ask_next` puts images at the front of the queue because a person wants them labeled.

New ones are tasks of the newest cycle, under an arm of their own. They are no picks: neither the
strategy nor the random arm chose them, so receipts, `maskloop verify` and figures of the arms do
not count them. They cost budget like any other label. Images that are open already keep the arm
that chose them and only move to the front.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from daemon.domain import Image, Pick, Role, TaskState
from daemon.domain.errors import CommandPostponed
from daemon.domain.faults import printable
from daemon.domain.formatting import count
from daemon.domain.tasks import PERSON_ARM
from daemon.stages import push, queue
from daemon.stages.commands.named_images import Refusals, require_known
from daemon.stages.commands.verb import Arguments, ImageIds, ReasonText, Verb
from daemon.stages.context import Context
from daemon.store import Store

_ASKED_BY_A_PERSON = "asked by a person"


class AskNextArguments(Arguments):
    """Which images, most wanted first, and why."""

    ids: ImageIds
    reason: ReasonText = ""


def ask_next(context: Context, arguments: AskNextArguments) -> str:
    """Ask annotators for these images next, after validation and before every batch, as far as the
    budget goes."""
    store, ids = context.store, list(dict.fromkeys(arguments.ids))
    images = require_known(store, ids)
    cycle, version = queue.newest_batch_cycle(context), store.fact(push.VISIBLE_VERSION)
    if cycle is None or version is None:
        raise CommandPostponed("a batch has to be sent first; these images are asked right after")
    moved = [task for task in store.tasks(TaskState.OPEN) if task.image_id in images]
    asked = _asked_by_people(store) | {task.image_id for task in moved if not task.is_validation}
    refusals = Refusals(_reasons_not_to_ask(context, images, asked))
    new = [i for i in ids if i not in asked and i not in refusals.reasons]
    affordable = max(0, queue.labels_left(context))
    refusals.reasons |= dict.fromkeys(new[affordable:], "is beyond the label budget")
    wanted, reason = refusals.others(images), _reason_text(arguments.reason)
    picks = [
        Pick(image_id=image_id, rank=rank, arm=PERSON_ARM, reason=reason)
        for rank, image_id in enumerate(new[:affordable], start=1)
    ]
    with store.atomic():
        store.put_first([task.id for task in moved])
        if picks:
            push.enqueue(context, cycle, picks, version)
    push.deliver(context)
    push.keep_serving_order(context)
    labeled = len(store.labeled_ids() & wanted)
    answered = f", {labeled} of them labeled already" if labeled else ""
    return f"{count(len(wanted), 'image')} next in the queue{answered}{refusals.words}"


def _asked_by_people(store: Store) -> set[int]:
    """Ids of the images that are being sent or labeled because a person asked for them."""
    queued = [task for each in store.pending_pushes() for task in each.tasks]
    being_sent = {task.image_id for task in queued if task.arm == PERSON_ARM}
    return being_sent | {
        task.image_id for task in store.tasks(TaskState.LABELED) if task.is_asked_by_person
    }


def _reasons_not_to_ask(
    context: Context, images: Mapping[int, Image], asked: Collection[int]
) -> dict[int, str]:
    """Image id -> why it cannot be asked for."""
    store = context.store
    labeled, excluded = store.labeled_ids(), store.excluded()
    states = {task.image_id: task.state for task in store.tasks()}
    waiting = store.pending_ids() | queue.unpushed_ids(context)
    reasons = {}
    for image in images.values():
        state = states.get(image.id, TaskState.RETIRED)
        if image.id in asked:
            continue
        if image.role is Role.VALIDATION:
            reasons[image.id] = "measures the model; validation is asked first anyway"
        elif image.id in labeled:
            reasons[image.id] = "is labeled already"
        elif image.id in excluded:
            reasons[image.id] = f"is left out of the pool ({excluded[image.id].value})"
        elif image.id in waiting:
            reasons[image.id] = "is being sent with its batch"
        elif state is not TaskState.RETIRED:
            reasons[image.id] = f"was asked before ({state.value})"
    return reasons


def _reason_text(given: str) -> str:
    return f"{_ASKED_BY_A_PERSON}: {printable(given)}" if given else _ASKED_BY_A_PERSON


ASK_NEXT = Verb(
    summary="ask annotators for images next, within the budget: ids=1,2 reason=TEXT",
    arguments=AskNextArguments,
    carry_out=ask_next,
)

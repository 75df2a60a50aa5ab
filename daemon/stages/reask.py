"""An answer that cannot be used is not the end of its image: people are asked once more.

The image gets a task of its own, so that the person whose mask was unusable can be handed it too
(Label Studio never hands a task to somebody who answered it), and the reason stands in front of
whoever draws it. The first task rests; what was drawn in it stays there. When somebody mends that
first answer after all, it counts, and the second task is withdrawn.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Sequence

from daemon.domain import TaskState
from daemon.domain.faults import printable
from daemon.stages.context import Context
from daemon.stages.push import VERSION, deliver
from daemon.store import FaultState, Intent, Question
from daemon.store.base import Row

WORDS = 200  # characters of each half of the reason that annotators read

log = logging.getLogger(__name__)


def ask_again(context: Context) -> None:
    """Ask for the images whose answers cannot be used. Twice asks once."""
    store, most = context.store, context.config.loop.ask_again
    faults = store.unusable_answers()
    if not faults or store.fact(VERSION) is None:
        return
    labeled = store.labeled_ids()
    holders = {row["task"]: row for row in store.tasks(TaskState.OPEN)}
    refused = Counter(row["image_id"] for row in store.tasks(TaskState.UNUSABLE))
    for fault in faults:
        if fault["image_id"] in labeled:
            store.set_fault_state(fault["place"], FaultState.REPLACED)
        elif fault["task"] in holders:
            task = holders.pop(fault["task"])
            decide = _ask_anew if refused[fault["image_id"]] < most else _give_up
            decide(context, task, fault)
    _tell_the_others(context, [fault for fault in faults if fault["image_id"] not in labeled])
    deliver(context)


def withdraw(context: Context) -> None:
    """Take back the second question about an image whose first answer was mended."""
    store, now = context.store, context.now()
    unusable = store.tasks(TaskState.UNUSABLE)
    if not unusable:
        return
    drawn_in = store.label_tasks({row["image_id"] for row in unusable})
    mended = {
        row["image_id"]: row["task"]
        for row in unusable
        if drawn_in.get(row["image_id"]) == row["task"]
    }
    for row in store.tasks(TaskState.OPEN):
        if row["image_id"] in mended:
            context.connector.retire([row["task"]])
            store.set_task_state([row["task"]], TaskState.WITHDRAWN, now)
            log.info("withdrawn task=%s: the first answer was mended", row["task"])
    store.set_task_state(list(mended.values()), TaskState.LABELED, now)


def _ask_anew(context: Context, task: Row, fault: Row) -> None:
    store, now = context.store, context.now()
    context.connector.retire([task["task"]])
    question = Question(
        image_id=task["image_id"],
        position=store.position_behind(),
        arm=task["arm"],
        reason=f"{_why(fault)} {_first_reason(task['reason'])}",
        anew=True,
    )
    intent = Intent(
        key=str(uuid.uuid4()),
        cycle=task["cycle"],
        version=str(store.fact(VERSION)),
        questions=(question,),
    )
    with store.atomic():
        store.set_task_state([task["task"]], TaskState.UNUSABLE, now)
        store.set_fault_state(fault["place"], FaultState.ASKED_AGAIN)
        store.intend(intent, now)
    log.warning("asked again image=%d: %s: %s", task["image_id"], fault["place"], fault["got"])


def _give_up(context: Context, task: Row, fault: Row) -> None:
    store, most = context.store, context.config.loop.ask_again
    words = f"{fault['place']}: not asked again, answers that could not be used: {most + 1}"
    with store.atomic():
        store.set_task_state([task["task"]], TaskState.UNUSABLE, context.now())
        store.set_fault_state(fault["place"], FaultState.GIVEN_UP)
        store.note("warning", words, context.now())
    log.warning("%s", words)


def _tell_the_others(context: Context, faults: Sequence[Row]) -> None:
    """Earlier answers about an image share the lot of its newest one."""
    store = context.store
    waiting = {row["image_id"] for row in store.tasks(TaskState.OPEN)}
    for intent in store.pending_intents():
        waiting |= {question.image_id for question in intent.questions}
    for fault in faults:
        if fault["image_id"] in waiting:
            store.set_fault_state(fault["place"], FaultState.ASKED_AGAIN)
        elif fault["state"] == FaultState.ASKED_AGAIN:
            store.set_fault_state(fault["place"], FaultState.GIVEN_UP)


_AGAIN = "Asked again: the last mask could not be used ("


def _why(fault: Row) -> str:
    got, expected = (printable(fault[name], WORDS) for name in ("got", "expected"))
    return f"{_AGAIN}got {got}; expected {expected}). Please draw it anew."


def _first_reason(reason: str) -> str:
    """Why the image was asked the first time."""
    return reason.rpartition("Please draw it anew. ")[2]

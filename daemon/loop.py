"""One tick: take in what people did, then move the open cycle as far as it goes without waiting.

A crash is an ordinary path: every stage may run twice with the same effect, and progress is
recorded after the work. A tick never waits for a training or for people.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.counts import counts_of
from daemon.domain import Stage, TaskState
from daemon.errors import RunFailed
from daemon.readiness import Ending, Standing, ending, lacking, reason_to_wait
from daemon.stages.ahead import ask_ahead, ask_more, top_up
from daemon.stages.context import Context
from daemon.stages.embed import embed
from daemon.stages.ending import conclude, go_on, take_back
from daemon.stages.predict import predict, predict_anew
from daemon.stages.push import VERSION, deliver, keep_order, push
from daemon.stages.quarantine import set_aside
from daemon.stages.score import score
from daemon.stages.select_batch import candidates, select
from daemon.stages.serving import train_and_judge
from daemon.stages.standing import standing
from daemon.stages.story import begin_story, tell_circumstances, tell_cycle
from daemon.stages.sync import sync
from daemon.stages.team import say_doubles
from daemon.stages.versions import forget_versions
from daemon.store.base import Row
from daemon.wording import count, duration

log = logging.getLogger(__name__)

RUNNERS: dict[Stage, Callable[[Context, int], bool]] = {
    Stage.EMBED: embed,
    Stage.TRAIN: train_and_judge,
    Stage.SCORE: score,
    Stage.SELECT: select,
    Stage.PREDICT: predict,
    Stage.PUSH: push,
}
NEEDS_MODEL = (Stage.TRAIN, Stage.SCORE, Stage.PREDICT)
WAITING = "waiting"  # the fact that says why, for `status` and the page
_LONGEST_PAUSE = timedelta(hours=1)
_PROCESS = uuid.uuid4().hex  # names this process, whose time on a stage counts as one sitting


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Where a tick left the loop. waiting: why nothing more happens now.

    running: a child process works, so that the next tick may find it done. ended: how the loop
    ended, None while it goes on. fault: somebody has to mend an input first.
    """

    waiting: str
    running: bool = False
    ended: Ending | None = None
    fault: bool = False

    @property
    def final(self) -> bool:
        """Whether the loop has ended."""
        return self.ended is not None


def tick(context: Context, *, cycle_limit: int | None = None) -> Outcome:
    """Sync, mend, advance, fill the queue. Raises what the connector and the stages raise."""
    sync(context)  # first: answers arrive also while the tool refuses to be asked
    deliver(context)
    _mend(context)
    keep_order(context)
    say_doubles(context)
    outcome = _advance(context, cycle_limit)
    if not outcome.final:
        ask_ahead(context)
    forget_versions(context)
    context.store.keep_fact(WAITING, outcome.waiting)
    return outcome


def _advance(context: Context, cycle_limit: int | None) -> Outcome:
    tell_circumstances(context)
    last = context.store.last_cycle()
    if last is None or last["stage"] == Stage.DONE:
        if last is not None:
            _keep_batch_asked(context, int(last["id"]))
        now = standing(context, cycle_limit)
        reason = reason_to_wait(now)
        if reason is None:
            last = _open_cycle(context, 0 if last is None else int(last["id"]) + 1)
        elif last is None or (more := _ask_on(context, now, int(last["id"]))) is None:
            return _waiting(context, cycle_limit)
        else:
            last = more
    return _run_stages(context, last, cycle_limit)


def _keep_batch_asked(context: Context, cycle: int) -> None:
    """Stand-ins for what was dropped; nothing stays open that the budget has no label for."""
    top_up(context, cycle)
    if not context.config.budget(len(context.store.labeled_ids())).labels_left:
        take_back(context)


def _ask_on(context: Context, now: Standing, cycle: int) -> Row | None:
    """Where nobody has anything open and a training needs more labels: ask for the next images, or
    go back to selecting them; the cycle that runs now, None where people are to answer.

    A cycle that asked nobody, as its budget was spent, selects once more. Images that came after
    the newest scores need a cycle of their own.
    """
    wanted = lacking(now)
    if not wanted:
        return None
    if not context.store.picks(cycle) and len(candidates(context, cycle)) > 0:
        return _reopen(context, cycle)
    if ask_more(context, cycle, wanted) or not now.train_labels:
        return None
    return _open_cycle(context, cycle + 1)


def _waiting(context: Context, cycle_limit: int | None) -> Outcome:
    ended = ending(standing(context, cycle_limit))
    if ended is not None:
        return Outcome(waiting=conclude(context, ended), ended=ended)
    go_on(context)
    ask_ahead(context)  # before it is said how many images are open
    now = standing(context, cycle_limit)
    reason = reason_to_wait(now)
    words = "there are labels for the next cycle" if reason is None else reason
    return Outcome(waiting=words, fault=not now.usable_images)


def _open_cycle(context: Context, number: int) -> Row:
    labels = counts_of(context.store, context.config.loop.budget_labels).labels
    go_on(context)
    with context.store.atomic():
        context.store.start_cycle(
            number,
            Stage.EMBED,
            context.now(),
            labels=labels.spent,
            train_labels=labels.train,
        )
        begin_story(context, number)
    return _opened(context)


def _reopen(context: Context, cycle: int) -> Row:
    """Let a finished cycle select once more; its model and scores stay."""
    predict_anew(context, cycle)
    context.store.reopen_cycle(cycle, Stage.SELECT, context.now())
    go_on(context)
    log.info("cycle %d selects again: there is budget for it now", cycle)
    return _opened(context)


def _opened(context: Context) -> Row:
    opened = context.store.last_cycle()
    if opened is None:
        raise RuntimeError("the store lost the cycle that was just opened")
    return opened


def _run_stages(context: Context, row: Row, cycle_limit: int | None) -> Outcome:
    cycle, stage = int(row["id"]), Stage(row["stage"])
    pause = _pause_left(row, context.now())
    if pause:
        failed, left = count(row["failures"], "time"), duration(pause.total_seconds())
        words = f"{stage} failed {failed} in a row; it is tried again in {left}"
        return Outcome(waiting=words, running=True)
    while stage is not Stage.DONE:
        if not _run_stage(context, cycle, stage):
            return Outcome(waiting=_running(cycle, stage), running=True)
        if stage is Stage.PUSH:
            tell_cycle(context, cycle)
        context.store.leave_stage(cycle, stage)
        context.store.finish_stage(cycle, stage, context.now())
        log.debug("stage done cycle=%d stage=%s", cycle, stage)
        stage = stage.next()
    return _advance(context, cycle_limit)


def _run_stage(context: Context, cycle: int, stage: Stage) -> bool:
    if cycle == 0 and stage in NEEDS_MODEL:
        return True
    context.store.keep_fact(WAITING, _running(cycle, stage))
    context.store.see_stage(cycle, stage, context.now(), _PROCESS)
    try:
        done = RUNNERS[stage](context, cycle)
    except RunFailed as exc:
        if exc.image_id is not None and set_aside(context, cycle, stage, exc.image_id, str(exc)):
            return False  # the next tick starts the run without it
        context.store.count_failure(cycle, context.now())
        raise
    context.store.see_stage(cycle, stage, context.now(), _PROCESS)
    return done


def _running(cycle: int, stage: Stage) -> str:
    return f"cycle {cycle}: {stage} is running"


def _pause_left(row: Row, now: datetime) -> timedelta | None:
    """After the n-th failure in a row wait 2^n seconds, an hour at most."""
    if not row["failures"]:
        return None
    pause = min(timedelta(seconds=2 ** min(row["failures"], 12)), _LONGEST_PAUSE)
    left = datetime.fromisoformat(row["failed_at"]) + pause - now
    return left if left > timedelta(0) else None


def _mend(context: Context) -> None:
    store = context.store
    if store.last_cycle() is None:
        return
    tasks = [row["task"] for row in store.tasks(TaskState.OPEN)]
    for words in context.connector.repair(store.fact(VERSION), tasks):
        log.warning("mended: %s", words)
        store.note("warning", f"mended: {words}", context.now())

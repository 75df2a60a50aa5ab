"""One tick: take in what people did, then move the open cycle as far as it goes without waiting.

A crash is an ordinary path: every stage may run twice with the same effect, and progress is
recorded after the work. A tick never waits for a training or for people.
"""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.domain import Cycle, Stage, TaskState
from daemon.domain.clock import is_due
from daemon.domain.errors import PoolEmpty, RunFailed
from daemon.domain.formatting import count, duration
from daemon.intake import DeferredFailures
from daemon.rules.readiness import Ending, Standing, ending, lacking, reason_to_wait
from daemon.stages.context import Context
from daemon.stages.cycle_summary import log_cycle, log_settings, record_cycle_start
from daemon.stages.duplicate_labels import report_duplicate_labels
from daemon.stages.embed import embed
from daemon.stages.ending import go_on, record_end, retire_open_tasks
from daemon.stages.image_intake import image_wait_reason
from daemon.stages.predict import predict, reset_predictions
from daemon.stages.prediction_cleanup import delete_old_predictions
from daemon.stages.push import VERSION, deliver, keep_order, push
from daemon.stages.quarantine import exclude_unusable
from daemon.stages.queue import ask_more, fill_queue, top_up
from daemon.stages.roles import roles_are_outdated
from daemon.stages.run_settings import apply_changed_settings
from daemon.stages.score import score
from daemon.stages.select import candidates, select
from daemon.stages.serving import train_and_gate
from daemon.stages.standing import standing
from daemon.stages.sync import sync
from daemon.stages.waiting_time import usual_pause_min
from daemon.store.counts import counts_of

log = logging.getLogger(__name__)

RUNNERS: dict[Stage, Callable[[Context, int], bool]] = {
    Stage.EMBED: embed,
    Stage.TRAIN: train_and_gate,
    Stage.SCORE: score,
    Stage.SELECT: select,
    Stage.PREDICT: predict,
    Stage.PUSH: push,
}
NEEDS_MODEL = (Stage.TRAIN, Stage.SCORE, Stage.PREDICT)
WAITING = "waiting"  # the fact that says why, for `status` and the page
_LONGEST_PAUSE = timedelta(hours=1)
_PROCESS = uuid.uuid4().hex  # names this process, whose time on a stage counts as one sitting
_MENDED_AGAIN = timedelta(hours=1)  # so long the same words about a setting are not said again


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Where a tick left the loop. waiting: why nothing more happens now.

    running: a child process works, so that the next tick may find it done. ended: how the loop
    ended, None while it goes on. fault: somebody has to mend an input first. failing: the last
    attempt at a run failed and no later one has succeeded yet.
    """

    waiting: str
    running: bool = False
    ended: Ending | None = None
    fault: bool = False
    failing: bool = False

    @property
    def final(self) -> bool:
        """Whether the loop has ended."""
        return self.ended is not None


def tick(context: Context, *, cycle_limit: int | None = None) -> Outcome:
    """Sync, mend, advance, fill the queue. Raises what the connector and the stages raise; what
    says nothing about the rest of the tick is raised at its end."""
    failures, outcome = DeferredFailures(), None
    sync(context, failures)  # first: answers arrive also while the tool refuses to be asked
    if words := image_wait_reason(context.store):
        failures.raise_deferred()
        context.store.keep_fact(WAITING, words)
        return Outcome(waiting=words, running=True)
    with failures.defer("sending what is to be asked"):
        deliver(context)
    with failures.defer("mending the settings of the labeling tool"):
        _mend(context)
    with failures.defer("keeping open tasks in order"):
        keep_order(context)
    with failures.defer("counting images that several people labeled"):
        report_duplicate_labels(context)
    with failures.defer("moving the cycle on"):
        outcome = _advance(context, cycle_limit)
    if outcome is None or not outcome.final:
        with failures.defer("asking ahead of the next model"):
            fill_queue(context)
    with failures.defer("deleting predictions that nobody is shown any more"):
        delete_old_predictions(context)
    if outcome is not None:
        context.store.keep_fact(WAITING, outcome.waiting)
    failures.raise_deferred()
    if outcome is None:
        raise RuntimeError("the cycle was not moved on, and nothing says why")
    return outcome


def _advance(context: Context, cycle_limit: int | None) -> Outcome:
    log_settings(context)
    last = context.store.last_cycle()
    if last is None or last.stage is Stage.DONE:
        if last is not None:
            _keep_batch_asked(context, last.number)
        now = standing(context, cycle_limit)
        reason = reason_to_wait(now)
        if reason is None:
            last = _open_cycle(context, 0 if last is None else last.number + 1)
        elif last is None or (more := _ask_on(context, now, last.number)) is None:
            return _waiting(context, cycle_limit)
        else:
            last = more
    return _run_stages(context, last, cycle_limit)


def _keep_batch_asked(context: Context, cycle: int) -> None:
    """Stand-ins for what was dropped; nothing stays open that the budget has no label for."""
    top_up(context, cycle)
    if not context.config.budget(len(context.store.labeled_ids())).labels_left:
        retire_open_tasks(context)


def _ask_on(context: Context, now: Standing, cycle: int) -> Cycle | None:
    """Where nobody has anything open and a training needs more labels: ask for the next images, or
    go back to selecting them; the cycle that runs now, None where people are to answer.

    A cycle that asked nobody, as its budget was spent, selects once more. Images that came after
    the newest scores need a cycle of their own.
    """
    if _may_decide_anew(context, now, cycle):
        return _reopen(context, cycle, Stage.EMBED)
    wanted = lacking(now)
    if not wanted:
        return None
    if not context.store.picks(cycle) and len(candidates(context, cycle)) > 0:
        return _reopen(context, cycle, Stage.SELECT)
    if ask_more(context, cycle, wanted) or not now.train_labels:
        return None
    return _open_cycle(context, cycle + 1)


def _waiting(context: Context, cycle_limit: int | None) -> Outcome:
    ended = ending(standing(context, cycle_limit))
    if ended is not None:
        return Outcome(waiting=record_end(context, ended), ended=ended)
    go_on(context)
    fill_queue(context)  # before it is said how many images are open
    now = standing(context, cycle_limit)
    reason = reason_to_wait(now)
    words = "there are labels for the next cycle" if reason is None else reason
    return Outcome(waiting=words, fault=not now.usable_images)


def _open_cycle(context: Context, number: int) -> Cycle:
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
        record_cycle_start(context, number)
    return _opened(context)


def _may_decide_anew(context: Context, now: Standing, cycle: int) -> bool:
    """Whether cycle 0 left nothing to train on, and a setting or new images may change that."""
    return not (cycle or now.train_labels or now.open_tasks) and roles_are_outdated(context)


def _reopen(context: Context, cycle: int, stage: Stage) -> Cycle:
    """Take a finished cycle back to a stage; its model and scores stay."""
    reset_predictions(context, cycle)
    context.store.reopen_cycle(cycle, stage, context.now())
    go_on(context)
    log.info("cycle %d goes back to %s: there is something to ask now", cycle, stage)
    return _opened(context)


def _opened(context: Context) -> Cycle:
    opened = context.store.last_cycle()
    if opened is None:
        raise RuntimeError("the store lost the cycle that was just opened")
    return opened


def _run_stages(context: Context, opened: Cycle, cycle_limit: int | None) -> Outcome:
    cycle, stage = opened.number, opened.stage
    if not apply_changed_settings(context, cycle, stage):
        return Outcome(waiting=_running(cycle, stage), running=True)
    pause = _pause_left(_opened(context), context.now())
    if pause:
        failed, left = count(opened.failures, "time"), duration(pause.total_seconds())
        words = f"{stage} failed {failed} in a row; it is tried again in {left}"
        return Outcome(waiting=words, running=True, failing=True)
    while stage is not Stage.DONE:
        try:
            done = _run_stage(context, cycle, stage)
        except PoolEmpty as exc:
            return Outcome(waiting=str(exc), fault=True)
        if not done:
            return Outcome(
                waiting=_running(cycle, stage), running=True, failing=bool(opened.failures)
            )
        if stage is Stage.PUSH:
            log_cycle(context, cycle)
        context.store.end_stage_time(cycle, stage)
        context.store.finish_stage(cycle, stage, context.now())
        log.debug("stage done cycle=%d stage=%s", cycle, stage)
        stage, opened = stage.next(), _opened(context)
    return _advance(context, cycle_limit)


def _run_stage(context: Context, cycle: int, stage: Stage) -> bool:
    if cycle == 0 and stage in NEEDS_MODEL:
        return True
    context.store.keep_fact(WAITING, _running(cycle, stage))
    context.store.add_stage_time(cycle, stage, context.now(), _PROCESS)
    try:
        done = RUNNERS[stage](context, cycle)
    except RunFailed as exc:
        if exclude_unusable(context, stage, exc.faults):
            shutil.rmtree(context.open_run(cycle, stage).path, ignore_errors=True)
            return False  # the next tick starts the run without them
        context.store.count_failure(cycle, context.now())
        raise
    context.store.add_stage_time(cycle, stage, context.now(), _PROCESS)
    return done


def _running(cycle: int, stage: Stage) -> str:
    return f"cycle {cycle}: {stage} is running"


def _pause_left(cycle: Cycle, now: datetime) -> timedelta | None:
    """After the n-th failure in a row wait 2^n seconds, an hour at most; not for a failure that
    the clock was set back behind."""
    if cycle.failed_at is None:
        return None
    pause = min(timedelta(seconds=2 ** min(cycle.failures, 12)), _LONGEST_PAUSE)
    return None if is_due(cycle.failed_at, pause, now) else cycle.failed_at + pause - now


def _mend(context: Context) -> None:
    store = context.store
    if store.last_cycle() is None:
        return
    tasks = [task.id for task in store.tasks(TaskState.OPEN)]
    for words in context.connector.repair(store.fact(VERSION), tasks, usual_pause_min(context)):
        said, now = f"mended: {words}", context.now()
        if store.has_event(said, now - _MENDED_AGAIN):
            continue  # somebody, or something, sets it again and again
        log.warning("%s", said)
        store.add_event("warning", said, now)

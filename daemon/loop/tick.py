"""One tick: read what annotators did, then run the stages of the cycle until one has to wait.

The daemon may crash at any point: every stage may run twice with the same effect, and progress is
recorded after the work. A tick never waits for a training or for annotators.
"""

from __future__ import annotations

import logging
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.domain import Cycle, Stage
from daemon.domain.clock import is_due
from daemon.domain.errors import PoolEmpty, RunFailed
from daemon.domain.formatting import count, duration
from daemon.intake import DeferredFailures
from daemon.rules.readiness import (
    Ending,
    LoopFacts,
    images_to_request,
    reason_to_wait,
)
from daemon.rules.readiness import ending as ending_of
from daemon.stages import (
    cycle_summary,
    duplicate_labels,
    embed,
    ending,
    other_people,
    pause,
    predict,
    prediction_cleanup,
    push,
    quarantine,
    queue,
    roles,
    run_settings,
    score,
    select,
    serving,
    sync,
    tool_settings,
)
from daemon.stages.commands.execution import carry_out_commands
from daemon.stages.context import Context
from daemon.stages.image_intake import image_wait_reason
from daemon.stages.loop_facts import WAITING, read_loop_facts
from daemon.stages.side_runs import SIDE_RUNS
from daemon.store.counts import counts_of, spent_labels

log = logging.getLogger(__name__)

RUNNERS: dict[Stage, Callable[[Context, int], bool]] = {
    Stage.EMBED: embed.embed,
    Stage.TRAIN: serving.train_and_gate,
    Stage.SCORE: score.score,
    Stage.SELECT: select.select,
    Stage.PREDICT: predict.predict,
    Stage.PUSH: push.push,
}
NEEDS_MODEL = (Stage.TRAIN, Stage.SCORE, Stage.PREDICT)
_LONGEST_PAUSE = timedelta(hours=1)
_PROCESS = uuid.uuid4().hex  # identifies this process, so that its time on a stage is added up


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The state of the loop after a tick.

    waiting: why nothing more happens now, as a sentence. running: a child process works, so the
    next tick may find it done. ended: why the loop has ended; None while it continues. fault: a
    person has to correct an input first. failing: the last attempt at a run failed, and no later
    one has succeeded yet.
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
    """Sync, carry out commands, repair the tool's settings, advance the cycle, fill the queue.

    Raises what the connector and the stages raise. The parts fail independently: the first
    failure is raised after all of them ran.
    """
    failures, outcome = DeferredFailures(), None
    sync.sync(context, failures)  # first: annotations arrive even while the tool refuses tasks
    with failures.defer("carrying out what people asked for"):
        carry_out_commands(context)
    if reading := image_wait_reason(context.store):
        failures.raise_deferred()
        context.store.keep_fact(WAITING, reading)
        return Outcome(waiting=reading, running=True)
    with failures.defer("sending tasks to the labeling tool"):
        push.deliver(context)
    with failures.defer("restoring the settings of the labeling tool"):
        tool_settings.repair_tool_settings(context)
    with failures.defer("restoring the order of open tasks"):
        push.restore_order(context)
    with failures.defer("counting images that several people labeled"):
        duplicate_labels.report_duplicate_labels(context)
    with failures.defer("advancing the cycle"):
        outcome = _advance(context, cycle_limit)
    if outcome is None or not outcome.final:
        with failures.defer("filling the queue of open tasks"):
            queue.fill_queue(context)
    with failures.defer("deleting old predictions"):
        prediction_cleanup.delete_old_predictions(context)
    for work, advance in SIDE_RUNS.items():
        with failures.defer(work):
            outcome = _beside(outcome, runs=advance(context))
    other_people.ask_other_people(context, failures)
    if outcome is not None:
        context.store.keep_fact(WAITING, outcome.waiting)
    failures.raise_deferred()
    if outcome is None:
        raise RuntimeError("the cycle did not advance, and no failure was recorded")
    return outcome


def _beside(outcome: Outcome | None, *, runs: bool) -> Outcome | None:
    """The outcome, which says that a process works while one does beside the cycle."""
    if outcome is None or not runs or outcome.final:
        return outcome
    return replace(outcome, running=True)


def _advance(context: Context, cycle_limit: int | None) -> Outcome:
    cycle_summary.log_settings(context)
    cycle = context.store.last_cycle()
    if cycle is None or cycle.stage is Stage.DONE:
        cycle = _next_cycle(context, cycle, cycle_limit)
        if cycle is None:
            return _wait_or_end(context, cycle_limit)
    return _run_stages(context, cycle, cycle_limit)


def _next_cycle(context: Context, last: Cycle | None, cycle_limit: int | None) -> Cycle | None:
    """The cycle to run after the last one, which is done: a new one or the same one reopened.

    None if the loop has to wait for annotators or has ended.
    """
    if last is not None:
        _update_open_tasks(context, last.number)
    facts = read_loop_facts(context, cycle_limit)
    if reason_to_wait(facts) is None:
        return _open_cycle(context, 0 if last is None else last.number + 1)
    return None if last is None else _request_more_labels(context, facts, last.number)


def _update_open_tasks(context: Context, cycle: int) -> None:
    """Replace dropped images of the batch; retire all open tasks once the budget is spent."""
    queue.top_up(context, cycle)
    if not context.config.budget(spent_labels(context.store)).labels_left:
        ending.retire_open_tasks(context)


def _request_more_labels(context: Context, facts: LoopFacts, cycle: int) -> Cycle | None:
    """Ask for more images if no task is open and a training needs more labels.

    Returns the cycle to run now: the last one again if its budget left it without a batch, or a
    new one to score images that came after the newest scores. None if annotators come first.
    """
    if _may_reassign_roles(context, facts, cycle):
        return _reopen(context, cycle, Stage.EMBED)
    wanted = images_to_request(facts)
    if not wanted:
        return None
    if not context.store.picks(cycle) and select.has_candidates(context, cycle):
        return _reopen(context, cycle, Stage.SELECT)
    if queue.request_images(context, cycle, wanted) or not facts.train_labels or facts.paused:
        return None
    return _open_cycle(context, cycle + 1)


def _wait_or_end(context: Context, cycle_limit: int | None) -> Outcome:
    ended = ending_of(read_loop_facts(context, cycle_limit))
    if ended is not None:
        return Outcome(waiting=ending.record_end(context, ended), ended=ended)
    ending.clear_end(context)
    queue.fill_queue(context)  # first, since the sentence counts the open images
    facts = read_loop_facts(context, cycle_limit)
    reason = reason_to_wait(facts) or "there are labels for the next cycle"
    return Outcome(waiting=reason, fault=not facts.usable_images)


def _open_cycle(context: Context, number: int) -> Cycle:
    labels = counts_of(context.store, context.config.loop.budget_labels).labels
    ending.clear_end(context)
    with context.store.atomic():
        context.store.start_cycle(
            number,
            Stage.EMBED,
            context.now(),
            labels=labels.spent,
            train_labels=labels.train,
        )
        cycle_summary.record_cycle_start(context, number)
    return _current_cycle(context)


def _may_reassign_roles(context: Context, facts: LoopFacts, cycle: int) -> bool:
    """Whether cycle 0 left no image to train on, and a setting or new images may change that."""
    if cycle or facts.train_labels or facts.open_tasks:
        return False
    return roles.roles_are_outdated(context)


def _reopen(context: Context, cycle: int, stage: Stage) -> Cycle:
    """Continue a finished cycle at a stage; its model and scores stay."""
    predict.reset_predictions(context, cycle)
    select.forget_choices(context, cycle)
    context.store.reopen_cycle(cycle, stage, context.now())
    ending.clear_end(context)
    log.info("cycle %d continues with %s: there are images to ask for now", cycle, stage)
    return _current_cycle(context)


def _current_cycle(context: Context) -> Cycle:
    cycle = context.store.last_cycle()
    if cycle is None:
        raise RuntimeError("the store has no cycle; expected the one that was just opened")
    return cycle


def _run_stages(context: Context, opened: Cycle, cycle_limit: int | None) -> Outcome:
    cycle, stage = opened.number, opened.stage
    if not run_settings.apply_changed_settings(context, cycle, stage):
        return Outcome(waiting=_running(cycle, stage), running=True)
    wait = _pause_left(_current_cycle(context), context.now())
    if wait:
        failed, left = count(opened.failures, "time"), duration(wait.total_seconds())
        waiting = f"{stage} failed {failed} in a row; it is tried again in {left}"
        return Outcome(waiting=waiting, running=True, failing=True)
    while stage is not Stage.DONE:
        if paused := pause.reason_not_to_train(context, cycle, stage):
            return Outcome(waiting=paused)
        try:
            done = _run_stage(context, cycle, stage)
        except PoolEmpty as exc:
            return Outcome(waiting=str(exc), fault=True)
        if not done:
            return Outcome(
                waiting=_running(cycle, stage), running=True, failing=bool(opened.failures)
            )
        if stage is Stage.PUSH:
            cycle_summary.log_cycle(context, cycle)
        context.store.end_stage_time(cycle, stage)
        context.store.finish_stage(cycle, stage, context.now())
        log.debug("stage done cycle=%d stage=%s", cycle, stage)
        stage, opened = stage.next(), _current_cycle(context)
    return _advance(context, cycle_limit)


def _run_stage(context: Context, cycle: int, stage: Stage) -> bool:
    if cycle == 0 and stage in NEEDS_MODEL:
        return True
    context.store.keep_fact(WAITING, _running(cycle, stage))
    context.store.add_stage_time(cycle, stage, context.now(), _PROCESS)
    try:
        done = RUNNERS[stage](context, cycle)
    except RunFailed as exc:
        if quarantine.exclude_unusable(context, stage, exc.faults):
            shutil.rmtree(context.open_run(cycle, stage).path, ignore_errors=True)
            return False  # the next tick starts the run without these images
        context.store.count_failure(cycle, context.now())
        raise
    context.store.add_stage_time(cycle, stage, context.now(), _PROCESS)
    return done


def _running(cycle: int, stage: Stage) -> str:
    return f"cycle {cycle}: {stage} is running"


def _pause_left(cycle: Cycle, now: datetime) -> timedelta | None:
    """Time until the stage is tried again: 2^n s after the n-th failure in a row, an hour at most.

    None: now. Also None if the clock was set back to before the failure.
    """
    if cycle.failed_at is None:
        return None
    wait = min(timedelta(seconds=2 ** min(cycle.failures, 12)), _LONGEST_PAUSE)
    return None if is_due(cycle.failed_at, wait, now) else cycle.failed_at + wait - now

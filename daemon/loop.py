"""One tick: take in what people did, then move the open cycle as far as it goes without waiting.

A crash is an ordinary path: every stage may run twice with the same effect, and progress is
recorded after the work. A tick never waits for a training or for people.
"""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.domain import Role, Stage, TaskState
from daemon.errors import PoolEmpty, RunFailed
from daemon.intake import Failures
from daemon.moments import is_due
from daemon.readiness import Standing, is_final, reason_to_wait
from daemon.stages.ahead import ask_ahead, surplus, top_up
from daemon.stages.context import Context, by_role
from daemon.stages.embed import embed
from daemon.stages.image_intake import still_looking
from daemon.stages.pause import usual_pause_min
from daemon.stages.predict import predict
from daemon.stages.push import VERSION, deliver, keep_order, push
from daemon.stages.quarantine import set_aside
from daemon.stages.roles import undecided, words_of_left_out
from daemon.stages.run_settings import settle_settings
from daemon.stages.score import score
from daemon.stages.select_batch import candidates, select
from daemon.stages.sync import take_in
from daemon.stages.team import say_doubles
from daemon.stages.train import train
from daemon.stages.versions import forget_versions
from daemon.store.base import Row

log = logging.getLogger(__name__)

RUNNERS: dict[Stage, Callable[[Context, int], bool]] = {
    Stage.EMBED: embed,
    Stage.TRAIN: train,
    Stage.SCORE: score,
    Stage.SELECT: select,
    Stage.PREDICT: predict,
    Stage.PUSH: push,
}
NEEDS_MODEL = (Stage.TRAIN, Stage.SCORE, Stage.PREDICT)
WAITING = "waiting"  # the fact that says why, for `status` and the page
_LONGEST_PAUSE = timedelta(hours=1)
_MENDED_AGAIN = timedelta(hours=1)  # so long the same words about a setting are not said again


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Where a tick left the loop. waiting: why nothing more happens now.

    running: a child process works, so that the next tick may find it done. final: even
    annotators cannot change it (the cycles that were wanted are trained, the budget is spent).
    fault: somebody has to mend an input first. failing: the last attempt at a run failed and no
    later one has succeeded yet.
    """

    waiting: str
    running: bool = False
    final: bool = False
    fault: bool = False
    failing: bool = False


def tick(context: Context, *, cycle_limit: int | None = None) -> Outcome:
    """Sync, mend, advance, fill the queue. Raises what the connector and the stages raise; what
    says nothing about the rest of the tick is raised at its end."""
    failures, outcome = Failures(), None
    take_in(context, failures)  # first: answers arrive also while the tool refuses to be asked
    if words := still_looking(context.store):
        failures.raise_first()
        context.store.keep_fact(WAITING, words)
        return Outcome(waiting=words, running=True)
    with failures.part("sending what is to be asked"):
        deliver(context)
    with failures.part("mending the settings of the labeling tool"):
        _mend(context)
    with failures.part("keeping open tasks in order"):
        keep_order(context)
    with failures.part("counting images that several people labeled"):
        say_doubles(context)
    with failures.part("moving the cycle on"):
        outcome = _advance(context, cycle_limit)
    if outcome is None or not outcome.final:
        with failures.part("asking ahead of the next model"):
            ask_ahead(context)
    with failures.part("deleting predictions that nobody is shown any more"):
        forget_versions(context)
    if outcome is not None:
        context.store.keep_fact(WAITING, outcome.waiting)
    failures.raise_first()
    if outcome is None:
        raise RuntimeError("the cycle was not moved on, and nothing says why")
    return outcome


def standing(context: Context, cycle_limit: int | None) -> Standing:
    """What the decision to start a cycle is made from."""
    store, last = context.store, context.store.last_cycle()
    images = store.images()
    labeled, asked = store.labeled_ids(), store.asked_ids()
    pool, telling = by_role(images)[Role.POOL], store.telling_ids()
    return Standing(
        started=last is not None,
        usable_images=len(images),
        open_tasks=len(store.tasks(TaskState.OPEN)),
        open_allowed=_open_allowed(context, last),
        train_labels=sum(image.id in telling for image in pool),
        new_labels=len(labeled) - (last["labels"] if last else 0),
        enough_labels=_enough_labels(context, last),
        labels_left=context.config.budget(len(labeled)).labels_left,
        candidates=sum(image.id not in labeled | asked for image in pool),
        trained_cycles=last["id"] if last else 0,
        cycle_limit=cycle_limit,
        left_out="" if pool else words_of_left_out(context),
    )


def _open_allowed(context: Context, last: Row | None) -> int:
    """How many asked images may still wait when the next cycle starts; those that were asked
    ahead never hold it up."""
    if last is None:
        return 0
    ahead = surplus(context, int(last["id"]))
    asked = len(context.store.tasks_of_cycle(int(last["id"]))) - ahead
    return int((1 - context.config.loop.done_share) * asked) + ahead


def _enough_labels(context: Context, last: Row | None) -> int:
    """With images asked ahead the queue never runs dry: then it is the labels that say when a
    batch is done, whichever images they are of."""
    if last is None or not context.config.loop.queue_low:
        return 0
    batch = context.store.picks(int(last["id"]))
    return math.ceil(context.config.loop.done_share * len(batch))


def _advance(context: Context, cycle_limit: int | None) -> Outcome:
    last = context.store.last_cycle()
    if last is None or last["stage"] == Stage.DONE:
        if last is not None:
            top_up(context, last["id"])
        now = standing(context, cycle_limit)
        reason = reason_to_wait(now)
        if last is not None and reason is not None and _may_ask_now(context, now, int(last["id"])):
            last = _reopen(context, int(last["id"]), Stage.SELECT)
        elif last is not None and _may_decide_anew(context, now, int(last["id"])):
            last = _reopen(context, int(last["id"]), Stage.EMBED)
        elif reason is not None:
            return Outcome(waiting=reason, final=is_final(now), fault=not now.usable_images)
        else:
            last = _open_cycle(context, now, 0 if last is None else last["id"] + 1)
    return _run_stages(context, last, cycle_limit)


def _open_cycle(context: Context, now: Standing, number: int) -> Row:
    context.store.start_cycle(
        number,
        Stage.EMBED,
        context.now(),
        labels=len(context.store.labeled_ids()),
        train_labels=now.train_labels,
    )
    log.info("cycle started cycle=%d train_labels=%d", number, now.train_labels)
    return _opened(context)


def _may_ask_now(context: Context, now: Standing, cycle: int) -> bool:
    """Whether the budget was raised after a cycle that found it spent and asked nobody."""
    limited = now.cycle_limit is not None and now.trained_cycles >= now.cycle_limit
    if limited or now.open_tasks or now.new_labels or not now.labels_left:
        return False
    return not context.store.picks(cycle) and len(candidates(context, cycle)) > 0


def _may_decide_anew(context: Context, now: Standing, cycle: int) -> bool:
    """Whether cycle 0 left nothing to train on, and a setting or new images may change that."""
    return not (cycle or now.train_labels or now.open_tasks) and undecided(context)


def _reopen(context: Context, cycle: int, stage: Stage) -> Row:
    """Take a finished cycle back to a stage; its model and scores stay."""
    context.store.reopen_cycle(cycle, stage, context.now())
    log.info("cycle goes back cycle=%d stage=%s: there is something to ask now", cycle, stage)
    return _opened(context)


def _opened(context: Context) -> Row:
    opened = context.store.last_cycle()
    if opened is None:
        raise RuntimeError("the store lost the cycle that was just opened")
    return opened


def _run_stages(context: Context, row: Row, cycle_limit: int | None) -> Outcome:
    cycle, stage = int(row["id"]), Stage(row["stage"])
    if not settle_settings(context, cycle, stage):
        return Outcome(waiting=_running(cycle, stage), running=True)
    pause = _pause_left(_opened(context), context.now())
    if pause:
        words = f"{stage} failed {row['failures']} times; it is tried again in {pause}"
        return Outcome(waiting=words, running=True, failing=True)
    while stage is not Stage.DONE:
        try:
            done = _run_stage(context, cycle, stage)
        except PoolEmpty as exc:
            return Outcome(waiting=str(exc), fault=True)
        if not done:
            return Outcome(
                waiting=_running(cycle, stage), running=True, failing=bool(row["failures"])
            )
        context.store.finish_stage(cycle, stage, context.now())
        log.info("stage done cycle=%d stage=%s", cycle, stage)
        stage, row = stage.next(), _opened(context)
    return _advance(context, cycle_limit)


def _run_stage(context: Context, cycle: int, stage: Stage) -> bool:
    if cycle == 0 and stage in NEEDS_MODEL:
        return True
    context.store.keep_fact(WAITING, _running(cycle, stage))
    try:
        return RUNNERS[stage](context, cycle)
    except RunFailed as exc:
        if set_aside(context, stage, exc.faults):
            shutil.rmtree(context.run(cycle, stage).path, ignore_errors=True)
            return False  # the next tick starts the run without them
        context.store.count_failure(cycle, context.now())
        raise


def _running(cycle: int, stage: Stage) -> str:
    return f"cycle {cycle}: {stage} is running"


def _pause_left(row: Row, now: datetime) -> timedelta | None:
    """After the n-th failure in a row wait 2^n seconds, an hour at most; not for a failure that
    the clock was set back behind."""
    if not row["failures"]:
        return None
    pause = min(timedelta(seconds=2 ** min(row["failures"], 12)), _LONGEST_PAUSE)
    failed_at = datetime.fromisoformat(row["failed_at"])
    return None if is_due(failed_at, pause, now) else failed_at + pause - now


def _mend(context: Context) -> None:
    store = context.store
    if store.last_cycle() is None:
        return
    tasks = [row["task"] for row in store.tasks(TaskState.OPEN)]
    for words in context.connector.repair(store.fact(VERSION), tasks, usual_pause_min(context)):
        said, now = f"mended: {words}", context.now()
        if store.was_noted(said, now - _MENDED_AGAIN):
            continue  # somebody, or something, sets it again and again
        log.warning("%s", said)
        store.note("warning", said, now)

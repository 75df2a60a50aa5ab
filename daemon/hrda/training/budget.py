"""`max_seconds`: the number of iterations that fit into it, measured once and kept in a file.

A few iterations of both kinds, with and without unlabeled images, are timed on a learner that is
discarded. The training then starts from its seed, as if the number had been in the request.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import logging
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from daemon.config.learner import Settings
from daemon.hrda.data.crops import Crops
from daemon.hrda.device import synchronize
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.microbatches import step_within_memory
from daemon.hrda.training.best_model import measures_on_the_way
from daemon.hrda.training.training_loop import minibatches
from daemon.runs.durable import write_json

log = logging.getLogger(__name__)

TIMED_SCHEDULE = 1000  # iterations; the first is without unlabeled images, the last with them
TIMED_ITERATIONS = 4  # of each kind; the first of them is not counted
MAX_TIMING_SHARE = 0.1  # of the seconds; fewer iterations are timed where they take longer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pace:
    """Measured seconds.

    labeled_s: of an iteration on labeled images only. mixed_s: of one with unlabeled images too.
    validation_s: of one validation. pool_prior_s: of all that is predicted when the iterations have
    ended: the class prior of the pool, and its labels for a second round.
    build_s: of building the learner, which is done again for the training itself.
    """

    labeled_s: float
    mixed_s: float
    validation_s: float = 0.0
    pool_prior_s: float = 0.0
    build_s: float = 0.0

    def iterations(self, seconds: float, settings: Settings) -> int:
        """How many iterations fit into the seconds; at least one."""
        times = settings.validations if measures_on_the_way(settings) else 0
        validations_s = times * self.validation_s
        start = settings.unlabeled_start
        each_s = start * self.labeled_s + (1 - start) * self.mixed_s
        if (
            settings.second_round and settings.unlabeled_weight
        ):  # without a teacher it is quicker: its seconds are not used up
            each_s, validations_s = 2 * each_s, 2 * validations_s
        return max(1, int((seconds - validations_s - self.pool_prior_s) / each_s))


def measure_pace(
    build: Callable[[Settings], Learner],
    crops: Crops,
    settings: Settings,
    validate: Callable[[Learner], None],
    pool_prior_s: Callable[[Learner], float],
    max_s: float,
) -> Pace:
    """Time a learner that `build` makes; about `max_s` seconds, at least an iteration of each kind.

    validate: evaluates the learner once, as `keep_best` will. pool_prior_s: seconds that the
    predictions of the final model will take.
    """
    start_s = time.monotonic()
    learner = build(dataclasses.replace(settings, iterations=TIMED_SCHEDULE))
    build_s = time.monotonic() - start_s
    start_s = time.monotonic()
    labeled_s = _mean_seconds(learner, crops, 0, start_s + max_s / 2)
    mixed_s = _mean_seconds(learner, crops, TIMED_SCHEDULE - 1, start_s + max_s)
    start_s = time.monotonic()
    if measures_on_the_way(settings) and learner.ranks.is_main:
        validate(learner)
    validation_s = time.monotonic() - start_s
    return Pace(
        labeled_s=labeled_s,
        mixed_s=mixed_s,
        validation_s=validation_s,
        pool_prior_s=pool_prior_s(learner) if learner.ranks.is_main else 0.0,
        build_s=build_s,
    )


def _mean_seconds(learner: Learner, crops: Crops, iteration: int, until_s: float) -> float:
    """Mean seconds of iterations at this point of the schedule, with the reading of their crops."""
    seconds = []
    with closing(minibatches(crops, itertools.count())) as queue:
        start_s = time.monotonic()
        for row, minibatch in queue:
            step_within_memory(learner, minibatch, seed=row, iteration=iteration)
            synchronize(crops.device)
            now_s = time.monotonic()
            seconds.append(now_s - start_s)
            start_s = now_s
            (over,) = learner.ranks.any_rank(now_s > until_s, device=crops.device)
            if over or len(seconds) == TIMED_ITERATIONS:
                break
    counted = seconds[1:] or seconds
    return sum(counted) / len(counted)


def read_schedule(path: Path, origin: str) -> int | None:
    """The number of iterations that the file has for this request; None without one."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return int(content["iterations"]) if content.get("origin") == origin else None


def write_schedule(path: Path, origin: str, iterations: int, pace: Pace) -> None:
    """Keep the number of iterations, atomically, with the pace that it was computed from."""
    log.info("max_seconds: iterations=%d %s", iterations, pace)
    content = {"origin": origin, "iterations": iterations, **dataclasses.asdict(pace)}
    write_json(path, content)

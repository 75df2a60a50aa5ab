"""`max_seconds`: how many iterations it is worth, found out once and written down.

A few iterations of both kinds, with and without unlabeled images, are timed on a learner that is
thrown away. The training then starts from its seed, as if the number had been in the request.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from daemon.hrda.data.crops import Crops
from daemon.hrda.device import settled
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.memory import step_on
from daemon.hrda.settings import Settings
from daemon.runs.durable import write_json

log = logging.getLogger(__name__)

SCALE = 1000  # iterations of the schedule that is timed: its first and its last differ in kind
TIMED = 4  # iterations of each kind; the first of them is not counted
MOST_SHARE = 0.1  # of the seconds that may go into timing; then fewer are timed


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds: an iteration without unlabeled images, one with them, one measurement.

    look_s: of the finished model's look at the pool. build_s: of making the learner, which is
    done once more for the training itself.
    """

    alone_s: float
    mixed_s: float
    validation_s: float = 0.0
    look_s: float = 0.0
    build_s: float = 0.0

    def iterations(self, seconds: float, settings: Settings) -> int:
        """How many fit into the seconds; at least one."""
        measured = settings.validations * self.validation_s if settings.keep_best else 0.0
        start = settings.unlabeled_start
        each_s = start * self.alone_s + (1 - start) * self.mixed_s
        return max(1, int((seconds - measured - self.look_s) / each_s))


def pace_of(
    build: Callable[[Settings], Learner],
    crops: Crops,
    settings: Settings,
    validate: Callable[[Learner], None],
    look: Callable[[Learner], float],
    most_s: float,
) -> Pace:
    """Time a learner that `build` makes; at most `most_s` seconds, but an iteration of each kind.

    validate: measures the learner once, as `keep_best` will. look: the seconds of the finished
    model's look at the pool.
    """
    began_s = time.monotonic()
    learner = build(dataclasses.replace(settings, iterations=SCALE))
    build_s = time.monotonic() - began_s
    began_s = time.monotonic()
    alone_s = _timed(learner, crops, 0, began_s + most_s / 2)
    mixed_s = _timed(learner, crops, SCALE - 1, began_s + most_s)
    began_s = time.monotonic()
    if settings.keep_best and learner.ranks.leads:
        validate(learner)
    validation_s = time.monotonic() - began_s
    return Pace(
        alone_s=alone_s,
        mixed_s=mixed_s,
        validation_s=validation_s,
        look_s=look(learner) if learner.ranks.leads else 0.0,
        build_s=build_s,
    )


def _timed(learner: Learner, crops: Crops, iteration: int, until_s: float) -> float:
    """Mean seconds of iterations of the kind of `iteration`, crops included."""
    taken = []
    for row in range(TIMED):
        began_s = time.monotonic()
        step_on(learner, crops.minibatch(row), seed=row, iteration=iteration)
        settled(crops.device)
        taken.append(time.monotonic() - began_s)
        (over,) = learner.ranks.any(time.monotonic() > until_s, device=crops.device)
        if over:
            break
    counted = taken[1:] or taken
    return sum(counted) / len(counted)


def read_schedule(path: Path, origin: str) -> int | None:
    """The number that was written down for this request, None without one."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return int(content["iterations"]) if content.get("origin") == origin else None


def write_schedule(path: Path, origin: str, iterations: int, pace: Pace) -> None:
    """Write it down, whole or not at all, with what it was computed from."""
    log.info("max_seconds: iterations=%d %s", iterations, pace)
    content = {"origin": origin, "iterations": iterations, **dataclasses.asdict(pace)}
    write_json(path, content)

"""Cycles and their stages: where the loop stands and how long each step took."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class Stage(enum.StrEnum):
    """The stages of a cycle, in the order they run.

    Cycle 0 has no model: it embeds, selects and pushes. Later cycles embed what is new.
    """

    EMBED = "embed"
    TRAIN = "train"
    SCORE = "score"
    SELECT = "select"
    PREDICT = "predict"
    PUSH = "push"
    DONE = "done"

    def next(self) -> Stage:
        """The stage that follows this one; `DONE` follows itself."""
        stages = list(Stage)
        return stages[min(stages.index(self) + 1, len(stages) - 1)]


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """One turn of the loop. number: from 0. stage: the one that runs next, `DONE` after the last.

    labels, train_labels: labeled images when it began, with and without validation. failures: how
    many times in a row its stage failed; failed_at: the newest of these times, None without any.
    """

    number: int
    stage: Stage
    labels: int
    train_labels: int
    failures: int = 0
    failed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class StageTime:
    """When a stage of a cycle began and ended (None: it has not). seconds: that a daemon spent on
    it, None where an earlier release did not count them."""

    cycle: int
    stage: Stage
    started_at: datetime
    finished_at: datetime | None
    seconds: float | None

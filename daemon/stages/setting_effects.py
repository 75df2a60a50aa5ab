"""When a changed setting takes effect, and which unfinished runs it starts again."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

from daemon.config.learner import ENCODER, INFERENCE
from daemon.config.loading import Config
from daemon.config.restart_only import needs_restart
from daemon.config.setting_keys import SettingKey
from daemon.domain import Stage
from daemon.runs.run_folder import RunFolder
from daemon.stages.run_settings import pending_changes


class Effect(enum.StrEnum):
    """When a running daemon uses another value of a setting."""

    TICK = "from the next tick on"
    CYCLE = "when the next cycle begins"
    RUN = "when the next run begins"
    TRAINING = "when the next training begins"
    SCORING = "when images are scored next"
    BATCH = "when the next batch is chosen"
    FIRST_BATCH = "when the first batch is chosen, not later"
    MASKS = "when masks are predicted next"
    VALIDATION = "when validation is drawn, in cycle 0, not later"
    RESTART = "after a restart of the daemon"
    INIT = "at the next `maskloop init`"


_TABLES: Mapping[str, Effect] = {
    "validation": Effect.VALIDATION,
    "selection": Effect.BATCH,
    "predictions": Effect.MASKS,
    "training": Effect.TRAINING,
    "test": Effect.SCORING,
    "storage": Effect.TICK,
    "loop": Effect.TICK,
    "label_studio": Effect.TICK,
    "audit": Effect.RUN,
}
_SINGLE: Mapping[SettingKey, Effect] = {
    ("label_studio", "title"): Effect.INIT,
    ("loop", "batch_images"): Effect.BATCH,
    ("loop", "random_share"): Effect.BATCH,
    ("loop", "seed_images"): Effect.FIRST_BATCH,
    ("validation", "group_by"): Effect.CYCLE,
    ("validation", "second_labels"): Effect.TICK,
    ("selection", "seed_strategy"): Effect.FIRST_BATCH,
    ("audit", "enabled"): Effect.TICK,
    ("audit", "review_share"): Effect.TICK,
    ("audit", "folds"): Effect.TICK,
    ("audit", "every"): Effect.TICK,
    ("training", "class_fall"): Effect.TICK,
    ("training", "device"): Effect.RUN,
    ("training", "threads"): Effect.RUN,
    ("training", "seed"): Effect.RUN,
    ("training", "preset"): Effect.RUN,
}
# Beside [selection], what decides which images the next batch has; the queue decides how many
# further ones a strategy is asked for at once, and some divide the pool by that.
_OF_THE_BATCH = (
    *("batch_images", "seed_images", "random_share", "budget_labels"),
    *("queue_low", "queue_top_up"),
)


def effect_of(key: SettingKey) -> Effect:
    """When another value of this setting is used. Raises KeyError for a table that is none."""
    if needs_restart(key):
        return Effect.RESTART
    if key[:2] == ("training", "settings") and len(key) > 2:
        if key[2] in ENCODER:
            return Effect.CYCLE
        return Effect.SCORING if key[2] in INFERENCE else Effect.TRAINING
    return _SINGLE.get(key[:2]) or _TABLES[key[0]]


def touches_batch(key: SettingKey) -> bool:
    """Whether the setting decides which images the next batch has, by the scores as they are."""
    return key[0] == "selection" or (key[0] == "loop" and key[1] in _OF_THE_BATCH)


def restarted_runs(config: Config) -> Sequence[str]:
    """The unfinished runs that start again with these settings, each with the reason.

    Raises RunFailed for a request that cannot be read.
    """
    folders = sorted((config.state / "runs").glob("[0-9]*-*"))
    runs = [RunFolder(path) for path in folders if path.name.rpartition("-")[2] in set(Stage)]
    found = []
    for run in runs[-len(Stage) :]:
        stage = Stage(run.path.name.rpartition("-")[2])
        if changes := pending_changes(config, run, stage):
            found.append(f"run {run.path.name} is started again: {changes}")
    return found

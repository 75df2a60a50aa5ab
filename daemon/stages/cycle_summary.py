"""The log for an administrator: one line a cycle, and which settings changed between two runs.

All else is logged at debug level. The sentences are made from typed facts of the store and never
parsed.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import uuid
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from daemon.config.loading import Config
from daemon.domain import CurvePoint
from daemon.domain.formatting import count, duration, fraction, measured, signed
from daemon.stages.context import Context
from daemon.stages.push import VERSION
from daemon.store import Store
from daemon.store.counts import count_beyond_batch, counts_of

log = logging.getLogger(__name__)

_LOGGED_BY = "told_circumstances"  # the fact: the process that logged its settings
_SETTINGS = "settings"  # of the newest run
_MASKLOOP = "maskloop_version"  # of the newest run
_LOGGED = "told_cycle"
_PROCESS = uuid.uuid4().hex
_SHOWN = 8  # changed settings in one line
_PEOPLE = 6  # named in one line


def log_settings(context: Context) -> None:
    """Log version and settings once a run, and what changed since the run before."""
    store = context.store
    if store.fact(_LOGGED_BY) == _PROCESS:
        return
    now, version = shown_settings(context.config), maskloop_version()
    before = store.fact(_SETTINGS)
    changed = [] if before is None else differences(json.loads(before), now)
    if before is not None and store.fact(_MASKLOOP) != version:
        changed.insert(0, f"Maskloop {store.fact(_MASKLOOP)} -> {version}")
    loop, name = context.config.loop, context.config.selection.strategy
    log.info(
        "Maskloop %s: strategy %s, batches of %d images, %d labels in all, classes %s",
        version,
        name,
        loop.batch_images,
        loop.budget_labels,
        ", ".join(context.config.classes.names),
    )
    if context.config.connector.kind == "folder" and loop.queue_low:
        log.warning(
            "masks on disk answer at once: with [loop] queue_low = %d images are asked ahead of "
            "each model for as long as it trains; queue_low = 0 shows what the strategy is worth",
            loop.queue_low,
        )
    with store.atomic():
        store.keep_fact(_SETTINGS, json.dumps(now))
        store.keep_fact(_MASKLOOP, version)
        store.keep_fact(_LOGGED_BY, _PROCESS)
        if changed:
            _log_event(context, f"changed since the last run: {'; '.join(changed)}")


def record_cycle_start(context: Context, cycle: int) -> None:
    """Save what the line of a cycle needs: how many labels each person gave, and the settings."""
    store = context.store
    authors = Counter(label.annotator for label in store.labels().values())
    store.keep_labels_by_annotator(cycle, authors)
    store.keep_cycle_settings(cycle, shown_settings(context.config), maskloop_version())
    if cycle:
        labels = counts_of(store, context.config.loop.budget_labels).labels
        log.info("cycle %d begins: training on %s", cycle, count(labels.train, "label"))


def log_cycle(context: Context, cycle: int) -> None:
    """Log the line of a finished cycle, once; of a cycle that selected again only that."""
    store = context.store
    if store.fact(_LOGGED) == str(cycle):
        log.info("cycle %d: %s", cycle, _batch_words(store, cycle))
        return
    counts = counts_of(store, context.config.loop.budget_labels)
    given, total = counts.labels.spent, count(counts.labels.total, "label")
    parts = [
        _label_words(store, cycle),
        _model_words(store, cycle),
        _batch_words(store, cycle),
        f"{given} of {total} given, {count(counts.open, 'image')} open",
        f"took {duration(store.cycle_seconds(cycle))}",
    ]
    words = f"cycle {cycle}: {'; '.join(filter(None, parts))}"
    with store.atomic():
        store.keep_fact(_LOGGED, str(cycle))
        store.add_event("info", words, context.now())
    log.info("%s", words)


def shown_settings(config: Config) -> dict[str, Any]:
    """The settings by "[table] name", without how to sign in to the labeling tool."""
    tables = config.model_dump(mode="json", exclude={"label_studio"})
    tables["label_studio"] = {"project": config.label_studio.project}
    return {
        f"[{table}] {name}": value for table, part in tables.items() for name, value in part.items()
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What was set otherwise, in words: "[loop] batch_images 4 -> 8"."""
    changed = [
        f"{name} {_value(before, name)} -> {_value(now, name)}"
        for name in [*now, *(name for name in before if name not in now)]
        if before.get(name) != now.get(name)
    ]
    rest = len(changed) - _SHOWN
    return changed[:_SHOWN] + ([f"{count(rest, 'further setting')}"] if rest > 0 else [])


def maskloop_version() -> str:
    """The version of this program; "unknown" where it is not installed as a package."""
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version("maskloop")
    return "unknown"


def _value(settings: Mapping[str, Any], name: str) -> str:
    return json.dumps(settings[name]) if name in settings else "not there"


def _label_words(store: Store, cycle: int) -> str:
    """How many labels each person gave, or took back, between the cycle before and this one."""
    if cycle == 0:
        return ""
    before, now = store.labels_by_annotator(cycle - 1), store.labels_by_annotator(cycle)
    labeled = store.labels_at_start(cycle - 1)
    if labeled != sum(before.values()):  # an earlier release began it, and kept no names
        return f"{count(store.labels_at_start(cycle) - labeled, 'label')} came"
    came = {who: now.get(who, 0) - before.get(who, 0) for who in {*now, *before}}
    named = sorted(((n, who) for who, n in came.items() if n), key=lambda one: (-one[0], one[1]))
    words = [f"{n} of {_name(who)}" for n, who in named[:_PEOPLE]]
    if len(named) > _PEOPLE:
        words.append(f"{sum(n for n, _ in named[_PEOPLE:])} of others")
    new = sum(n for n, _ in named)
    return f"{count(new, 'label')} came" + (f" ({', '.join(words)})" if words else "")


def _name(annotator: str) -> str:
    """A person; "user NUMBER" where the tool gives no name."""
    return f"user {annotator}" if annotator.isdigit() else annotator


def _model_words(store: Store, cycle: int) -> str:
    if cycle == 0:
        return "no model yet"
    points = {point.cycle: point for point in store.curve()}
    point = points.get(cycle)
    if point is None:
        return "the model was not measured: no validation image is labeled"
    words = (
        f"trained on {point.train_labels} of {count(point.labels, 'label')}: {_figure_words(point)}"
    )
    serving = store.serving(cycle)
    if serving != cycle:
        return f"{words}, refused: the model of cycle {serving} stays in use"
    return words + _gain_words(point, points.get(store.serving(cycle - 1)))


def _figure_words(point: CurvePoint) -> str:
    found = point.validation
    if found is None:
        return "mIoU not measured"
    words = measured(found.miou, found.miou_interval, found.images)
    return words + (f", test mIoU {fraction(point.test.miou)}" if point.test else "")


def _gain_words(point: CurvePoint, before: CurvePoint | None) -> str:
    new = point.validation.miou if point.validation else None
    old = before.validation.miou if before and before.validation else None
    if before is None or new is None or old is None:
        return ""
    return f", {signed(new - old)} against cycle {before.cycle}"


def _batch_words(store: Store, cycle: int) -> str:
    """How many images the cycle asked for, by arm, and which predictions people see."""
    picks, ahead = store.picks(cycle), count_beyond_batch(store, cycle - 1) if cycle else 0
    arms = Counter(pick.arm for pick in picks)
    words = ", ".join(f"{n} {arm}" for arm, n in arms.most_common())
    asked = f"asked {count(len(picks), 'image')} ({words})" if picks else "asked nobody more"
    if ahead:
        asked += f", {ahead} were asked ahead of it"
    return f"{asked}; predictions {store.fact(VERSION)}" if picks and cycle else asked


def _log_event(context: Context, words: str) -> None:
    log.info("%s", words)
    context.store.add_event("info", words, context.now())

"""The log for an administrator: one line for each cycle, and which settings changed between runs.

All else is logged at debug level. The sentences are made from typed values of the store and are
never parsed.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from daemon.config.loading import Config
from daemon.domain import CurvePoint
from daemon.domain.formatting import count, duration, fraction, measured, signed
from daemon.domain.models import GateVerdict
from daemon.insight.person_names import Pseudonyms
from daemon.stages.context import Context
from daemon.stages.push import VISIBLE_VERSION
from daemon.store import Store
from daemon.store.counts import count_beyond_batch, counts_of

log = logging.getLogger(__name__)

_LOGGED_PROCESS = (
    "told_circumstances"  # name of a stored fact: the process that logged its settings
)
_SETTINGS = "settings"  # fact: settings of the newest run
_MASKLOOP = "maskloop_version"  # fact: version of the newest run
_LOGGED_CYCLE = "told_cycle"  # fact: the newest cycle with a line
_PROCESS = uuid.uuid4().hex
_MOST_SETTINGS = 8  # of the changed ones, in one line
_MOST_PEOPLE = 6  # named in one line


def log_settings(context: Context) -> None:
    """Log version and settings once for each run, and what changed since the previous run."""
    store = context.store
    if store.fact(_LOGGED_PROCESS) == _PROCESS:
        return
    settings, version = logged_settings(context.config), maskloop_version()
    before = store.fact(_SETTINGS)
    changed = [] if before is None else differences(json.loads(before), settings)
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
            "masks on disk answer at once: with [loop] queue_low = %d further images are labeled "
            "while each model trains; to evaluate the strategy set queue_low = 0",
            loop.queue_low,
        )
    with store.atomic():
        store.keep_fact(_SETTINGS, json.dumps(settings))
        store.keep_fact(_MASKLOOP, version)
        store.keep_fact(_LOGGED_PROCESS, _PROCESS)
        if changed:
            _log_event(context, f"changed since the last run: {'; '.join(changed)}")


def keep_settings(store: Store, config: Config) -> None:
    """Store settings that came into force, so that the next start does not say them again."""
    store.keep_fact(_SETTINGS, json.dumps(logged_settings(config)))


def record_cycle_start(context: Context, cycle: int) -> None:
    """Store what the line of a cycle needs: the labels of each person, and the settings."""
    store = context.store
    labels_per_person = Counter(label.annotator for label in store.labels().values())
    store.keep_labels_by_annotator(cycle, labels_per_person)
    store.keep_cycle_settings(cycle, logged_settings(context.config), maskloop_version())
    if cycle:
        labels = counts_of(store, context.config.loop.budget_labels).labels
        log.info("cycle %d begins: training on %s", cycle, count(labels.train, "label"))


def log_cycle(context: Context, cycle: int) -> None:
    """Log the line of a finished cycle once; if it selected again, only the new batch."""
    store = context.store
    if store.fact(_LOGGED_CYCLE) == str(cycle):
        log.info("cycle %d: %s", cycle, _batch_text(store, cycle))
        return
    counts = counts_of(store, context.config.loop.budget_labels)
    spent, total = counts.labels.spent, count(counts.labels.total, "label")
    parts = [
        _model_text(store, cycle),
        _batch_text(store, cycle),
        f"{spent} of {total} spent, {count(counts.open, 'image')} open",
        f"took {duration(store.cycle_seconds(cycle))}",
    ]

    def text(name: Callable[[str], str]) -> str:
        return (
            f"cycle {cycle}: {'; '.join(filter(None, [_label_text(store, cycle, name), *parts]))}"
        )

    with store.atomic():
        store.keep_fact(_LOGGED_CYCLE, str(cycle))  # pages and reports show events: no names there
        store.add_event("info", text(Pseudonyms(store.annotators()).of), context.now())
    log.info("%s", text(_person))


def logged_settings(config: Config) -> dict[str, Any]:
    """The settings by "[table] name", without the credentials of the labeling tool."""
    tables = config.model_dump(mode="json", exclude={"label_studio"})
    tables["label_studio"] = {"project": config.label_studio.project}
    return {
        f"[{table}] {name}": value for table, part in tables.items() for name, value in part.items()
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The settings that differ, as "[loop] batch_images 4 -> 8"; the first few and a count."""
    changed = [
        f"{name} {_setting_text(before, name)} -> {_setting_text(after, name)}"
        for name in [*after, *(name for name in before if name not in after)]
        if before.get(name) != after.get(name)
    ]
    more = len(changed) - _MOST_SETTINGS
    return changed[:_MOST_SETTINGS] + ([f"{count(more, 'further setting')}"] if more > 0 else [])


def maskloop_version() -> str:
    """The version of this program; "unknown" where it is not installed as a package."""
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version("maskloop")
    return "unknown"


def _setting_text(settings: Mapping[str, Any], name: str) -> str:
    return json.dumps(settings[name]) if name in settings else "not set"


def _label_text(store: Store, cycle: int, name: Callable[[str], str]) -> str:
    """How many labels each person added or deleted since the previous cycle. name: how a person is
    called."""
    if cycle == 0:
        return ""
    before, now = store.labels_by_annotator(cycle - 1), store.labels_by_annotator(cycle)
    labeled = store.labels_at_start(cycle - 1)
    if labeled != sum(before.values()):  # of an earlier release, which stored no names
        return count(store.labels_at_start(cycle) - labeled, "new label")
    added = {person: now.get(person, 0) - before.get(person, 0) for person in {*now, *before}}
    changes = [(person, n) for person, n in added.items() if n]
    changes.sort(key=lambda change: (-change[1], change[0]))
    parts = [f"{n} from {name(person)}" for person, n in changes[:_MOST_PEOPLE]]
    if len(changes) > _MOST_PEOPLE:
        parts.append(f"{sum(n for _, n in changes[_MOST_PEOPLE:])} from others")
    new = count(sum(n for _, n in changes), "new label")
    return f"{new} ({', '.join(parts)})" if parts else new


def _person(annotator: str) -> str:
    """The name of a person; "user NUMBER" if the tool gives none."""
    return f"user {annotator}" if annotator.isdigit() else annotator


def _model_text(store: Store, cycle: int) -> str:
    if cycle == 0:
        return "no model yet"
    points = {point.cycle: point for point in store.curve()}
    point = points.get(cycle)
    if point is None:
        return "the model was not measured: no validation image is labeled"
    text = f"trained on {point.train_labels} of {count(point.labels, 'label')}: {_miou_text(point)}"
    serving = store.serving(cycle)
    if serving != cycle:
        judged = store.judged_models().get(cycle)
        asked = judged is not None and judged.verdict is GateVerdict.ASKED
        verdict = "a class fell, somebody is asked" if asked else "refused"
        return f"{text}, {verdict}: the model of cycle {serving} stays in use"
    return text + _gain_text(point, points.get(store.serving(cycle - 1)))


def _miou_text(point: CurvePoint) -> str:
    result = point.validation
    if result is None:
        return "mIoU not measured"
    text = measured(result.miou, result.miou_interval, result.images)
    return text + (f", test mIoU {fraction(point.test.miou)}" if point.test else "")


def _gain_text(point: CurvePoint, before: CurvePoint | None) -> str:
    new = point.validation.miou if point.validation else None
    old = before.validation.miou if before and before.validation else None
    if before is None or new is None or old is None:
        return ""
    return f", {signed(new - old)} against cycle {before.cycle}"


def _batch_text(store: Store, cycle: int) -> str:
    """How many images the cycle asked for, by arm, and the version of the visible predictions."""
    picks = store.picks(cycle)
    queued = count_beyond_batch(store, cycle - 1) if cycle else 0
    arms = Counter(pick.arm for pick in picks)
    text = ", ".join(f"{n} {arm}" for arm, n in arms.most_common())
    asked = f"asked for {count(len(picks), 'image')} ({text})" if picks else "asked for no images"
    if queued:
        asked += f", and for {queued} while the model trained"
    return f"{asked}; predictions {store.fact(VISIBLE_VERSION)}" if picks and cycle else asked


def _log_event(context: Context, text: str) -> None:
    log.info("%s", text)
    context.store.add_event("info", text, context.now())

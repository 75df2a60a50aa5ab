"""Starts a run again when settings change that it depends on.

settings.json, beside request.json, holds the values of config.toml that a run depends on. If they
change before the run has finished, its request and its files are removed, its stage requests it
again, and the pause after failures ends. A finished run stays.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.config.learner import ENCODER, INFERENCE, resolved
from daemon.config.loading import Config
from daemon.config.redaction import Redactor
from daemon.domain import Stage
from daemon.domain.errors import RunFailed
from daemon.domain.formatting import short_repr
from daemon.runs.checksums import sha256_of
from daemon.runs.durable import write_json
from daemon.runs.records import DistinctRequest, Request, SelectRequest
from daemon.runs.run_folder import RunFolder
from daemon.stages.context import Context

log = logging.getLogger(__name__)

NEAR_DUPLICATES = "near-duplicates"  # in the name of the run of SELECT that compares the pool
MAX_NAMED_CHANGES = 6  # in one line; further changes are counted
# These apply to the next attempt without a new request.
_APPLIED_BY_THE_LAUNCHER = ("[training] processes",)
_SIMILARITY = "[selection] duplicate_similarity"  # all that comparing the pool depends on
_OF_THE_LOOP = (  # what a choice depends on, beside [selection]
    "batch_images",
    "seed_images",
    "random_share",
    "queue_low",
    "queue_top_up",
    "budget_labels",
)
_KEPT_FILES = ("lock", "log.txt")  # when a run starts again

SettingValues = Mapping[str, Any]


def write_request(
    context: Context, run: RunFolder, stage: Stage, request: Request | SelectRequest
) -> None:
    """Write the request of a run and the settings that it depends on."""
    run.path.mkdir(parents=True, exist_ok=True)
    values = depends_on(context.config, stage)
    if isinstance(request, DistinctRequest):
        values = {_SIMILARITY: values[_SIMILARITY]}
    write_json(run.settings_file, values)
    run.write_request(request)


def apply_changed_settings(context: Context, cycle: int, stage: Stage) -> bool:
    """Start the runs of an open stage again if settings changed that they depend on.

    False while a process of an old request still runs: call again. Twice changes nothing.
    """
    runs = [context.open_run(cycle, stage)]
    if stage is Stage.SELECT:
        runs.append(context.run(cycle, f"{NEAR_DUPLICATES}-{stage}"))
    applied = [_apply(context, cycle, stage, run) for run in runs]
    return all(applied)


def _apply(context: Context, cycle: int, stage: Stage, run: RunFolder) -> bool:
    """As `apply_changed_settings`, for one run."""
    if run.finished() or not run.request_file.exists():
        return True
    now, before = depends_on(context.config, stage), _settings_of(run)
    changed = _changed(before, now)
    if not changed:
        return True
    restart = [name for name in changed if name not in _APPLIED_BY_THE_LAUNCHER]
    if restart and not context.launcher.release(run):
        return False
    if restart and run.finished():  # it finished before it could be stopped
        return True
    action = "started again" if restart else "tried again at once"
    start = f"cycle {cycle}: {stage} is {action}"
    _log_event(context, f"{start}, config.toml changed: {_differences(changed, before, now)}")
    context.store.forget_failures(cycle)
    if restart:
        clear_run(run)
    else:
        write_json(run.settings_file, now)
    return True


def pending_changes(config: Config, run: RunFolder, stage: Stage) -> str:
    """The changed settings that an unfinished run depends on, as text; "" without any."""
    if run.finished() or not run.request_file.exists():
        return ""
    now, before = depends_on(config, stage), _settings_of(run)
    return _differences(_changed(before, now), before, now)


def changed_settings(config: Config, before: SettingValues, stage: Stage) -> str:
    """Which settings that a stage depends on have other values now, as text; "" without any."""
    now = depends_on(config, stage)
    return _differences(_changed(before, now), before, now)


def depends_on(config: Config, stage: Stage) -> dict[str, Any]:
    """The settings that a run of this stage depends on, by "[table] name", ready for JSON."""
    if stage is Stage.SELECT:
        return _of_a_choice(config)
    training = config.training
    values = {
        "[training] device": training.device,
        "[training] threads": training.threads,
        "[training] seed": training.seed,
    }
    changes = {"preset": training.preset, **training.settings}
    if stage is Stage.EMBED:
        learner = {name: resolved(changes)[name] for name in (*ENCODER, "precision")}
    elif stage is Stage.TRAIN:
        learner = resolved(changes)
        values |= {
            "[training] warm_start": training.warm_start,
            "[training] processes": training.processes,
            "[classes] names": config.classes.names,
            "[classes] ignore_label": config.classes.ignore_label,
            "[classes] unlabeled": config.classes.unlabeled,
            "[loop] label_in_effect": config.loop.label_in_effect,
        }
    else:
        learner = {name: changes.get(name) for name in INFERENCE}
        values |= _test_set(config) if stage is Stage.SCORE else {}
    values |= _by_setting_name(learner)
    as_saved: dict[str, Any] = json.loads(json.dumps(values))  # tuples become lists
    return as_saved


def _of_a_choice(config: Config) -> dict[str, Any]:
    """The settings that a choice depends on."""
    values = {f"[selection] {name}": value for name, value in config.selection.model_dump().items()}
    values |= {f"[loop] {name}": getattr(config.loop, name) for name in _OF_THE_LOOP}
    as_saved: dict[str, Any] = json.loads(json.dumps(values))  # tuples become lists
    return as_saved


def _test_set(config: Config) -> dict[str, Any]:
    """The settings of [test], with a digest of the list of ids."""
    test = config.test
    list_file = config.home / test.ids.rpartition(":")[0 if ".json:" in test.ids else 2]
    values: dict[str, Any] = {f"[test] {name}": value for name, value in test.model_dump().items()}
    if test.ids and list_file.is_file():
        values["[test] the list of ids"] = sha256_of(list_file)[:12]
    return values


def _settings_of(run: RunFolder) -> SettingValues:
    """The saved settings of an unfinished run; those in its request if an older version made it."""
    try:
        saved: dict[str, Any] = json.loads(run.settings_file.read_bytes())
        return saved
    except (OSError, ValueError):
        return _settings_of_request(run)


def _settings_of_request(run: RunFolder) -> SettingValues:
    try:
        content = json.loads(run.request_file.read_bytes())
    except (OSError, ValueError) as exc:
        raise RunFailed(
            f"{run.request_file}: cannot be read: {exc}; delete the folder {run.path}, the run is "
            f"started again"
        ) from exc
    values = {f"[training] {name}": content.get(name) for name in ("device", "threads", "seed")}
    if content.get("kind") == "train":
        values["[classes] names"] = content.get("classes")
    changes = content.get("settings", {})
    if content.get("kind") == "predict":
        learner = {name: changes.get(name) for name in INFERENCE}  # as `depends_on` has them
    else:
        learner = json.loads(json.dumps(resolved(changes)))
    return values | _by_setting_name(learner)


def _by_setting_name(learner: SettingValues) -> dict[str, Any]:
    return {
        f"[training] {'' if name == 'preset' else 'settings.'}{name}": value
        for name, value in learner.items()
    }


def _changed(before: SettingValues, now: SettingValues) -> list[str]:
    return [name for name in now if name in before and before[name] != now[name]]


def _differences(changed: list[str], before: SettingValues, now: SettingValues) -> str:
    changes = [
        f"{name} {short_repr(before[name])} -> {short_repr(now[name])}"
        for name in changed[:MAX_NAMED_CHANGES]
    ]
    rest = len(changed) - MAX_NAMED_CHANGES
    return Redactor(()).words(", ".join([*changes, *([f"and {rest} more"] if rest > 0 else [])]))


def _log_event(context: Context, message: str) -> None:
    log.warning("%s", message)
    context.store.add_event("warning", message, context.now())


def clear_run(run: RunFolder) -> None:
    """Remove the files of a run; the request first, so that a crash leaves no request with a part
    of its files."""
    run.request_file.unlink()
    for path in sorted(run.path.iterdir()):
        if path.name not in _KEPT_FILES:
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

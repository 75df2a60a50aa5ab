"""A run belongs to the settings with which it was requested.

Beside request.json stands settings.json: the values of config.toml that the run depends on. When
they change before the run has finished, the run starts again: its request and its files are
removed, and the pause after failures ends. A finished run stays.
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
from daemon.runs.folder import Request, RunFolder
from daemon.stages.context import Context

log = logging.getLogger(__name__)

SHOWN = 6  # changed settings in one line
# These apply to the next attempt without a new request.
_APPLIED_BY_THE_LAUNCHER = ("[training] processes",)
_STAYS = ("lock", "log.txt")  # of a run that starts again

Named = Mapping[str, Any]


def write_request(context: Context, run: RunFolder, stage: Stage, request: Request) -> None:
    """Write the request of a run, and beside it the settings that it depends on."""
    run.path.mkdir(parents=True, exist_ok=True)
    write_json(run.settings_file, depends_on(context.config, stage))
    run.write_request(request)


def apply_changed_settings(context: Context, cycle: int, stage: Stage) -> bool:
    """Start the run of an open stage again where config.toml changed what it depends on.

    False while a process of the old request still works: call again. Twice changes nothing.
    """
    run = context.open_run(cycle, stage)
    if run.finished() or not run.request_file.exists():
        return True
    now, before = depends_on(context.config, stage), _settings_of(run)
    changed = _changed(before, now)
    if not changed:
        return True
    restart = [name for name in changed if name not in _APPLIED_BY_THE_LAUNCHER]
    if restart and not context.launcher.release(run):
        return False
    if restart and run.finished():  # it ended before it was stopped
        return True
    words = f"cycle {cycle}: {stage} is {'started again' if restart else 'tried again at once'}"
    _log_event(context, f"{words}, config.toml changed: {_differences(changed, before, now)}")
    context.store.forget_failures(cycle)
    if restart:
        _clear(run)
    else:
        write_json(run.settings_file, now)
    return True


def pending_changes(config: Config, run: RunFolder, stage: Stage) -> str:
    """The changed settings that an unfinished run depends on, in words; "" without any."""
    if run.finished() or not run.request_file.exists():
        return ""
    now, before = depends_on(config, stage), _settings_of(run)
    return _differences(_changed(before, now), before, now)


def depends_on(config: Config, stage: Stage) -> dict[str, Any]:
    """The settings that a run of this stage depends on, by "[table] name", ready for JSON."""
    if stage is Stage.SELECT:
        return {"[selection] duplicate_similarity": config.selection.duplicate_similarity}
    training = config.training
    named = {
        "[training] device": training.device,
        "[training] threads": training.threads,
        "[training] seed": training.seed,
    }
    changes = {"preset": training.preset, **training.settings}
    if stage is Stage.EMBED:
        learner = {name: resolved(changes)[name] for name in (*ENCODER, "precision")}
    elif stage is Stage.TRAIN:
        learner = resolved(changes)
        named |= {
            "[training] warm_start": training.warm_start,
            "[training] processes": training.processes,
            "[classes] names": config.classes.names,
            "[classes] ignore_label": config.classes.ignore_label,
            "[classes] unlabeled": config.classes.unlabeled,
            "[loop] label_in_effect": config.loop.label_in_effect,
        }
    else:
        learner = {name: changes.get(name) for name in INFERENCE}
        named |= _test_set(config) if stage is Stage.SCORE else {}
    named |= _by_setting(learner)
    found: dict[str, Any] = json.loads(json.dumps(named))  # tuples become lists, as in the file
    return found


def _test_set(config: Config) -> dict[str, Any]:
    test = config.test
    listed = config.home / test.ids.rpartition(":")[0 if ".json:" in test.ids else 2]
    named: dict[str, Any] = {f"[test] {name}": value for name, value in test.model_dump().items()}
    if test.ids and listed.is_file():
        named["[test] the list of ids"] = sha256_of(listed)[:12]
    return named


def _settings_of(run: RunFolder) -> Named:
    """The settings of an unfinished run; of a run of an older version, what its request says."""
    try:
        found: dict[str, Any] = json.loads(run.settings_file.read_bytes())
        return found
    except (OSError, ValueError):
        return _of_request(run)


def _of_request(run: RunFolder) -> Named:
    try:
        content = json.loads(run.request_file.read_bytes())
    except (OSError, ValueError) as exc:
        raise RunFailed(
            f"{run.request_file}: cannot be read: {exc}; delete the folder {run.path}, the run is "
            f"started again"
        ) from exc
    named = {f"[training] {name}": content.get(name) for name in ("device", "threads", "seed")}
    if content.get("kind") == "train":
        named["[classes] names"] = content.get("classes")
    changes = content.get("settings", {})
    if content.get("kind") == "predict":
        learner = {name: changes.get(name) for name in INFERENCE}  # as `depends_on` has them
    else:
        learner = json.loads(json.dumps(resolved(changes)))
    return named | _by_setting(learner)


def _by_setting(learner: Named) -> dict[str, Any]:
    return {
        f"[training] {'' if name == 'preset' else 'settings.'}{name}": value
        for name, value in learner.items()
    }


def _changed(before: Named, now: Named) -> list[str]:
    return [name for name in now if name in before and before[name] != now[name]]


def _differences(changed: list[str], before: Named, now: Named) -> str:
    words = [
        f"{name} {short_repr(before[name])} -> {short_repr(now[name])}" for name in changed[:SHOWN]
    ]
    rest = len(changed) - SHOWN
    return Redactor(()).words(", ".join([*words, *([f"and {rest} more"] if rest > 0 else [])]))


def _log_event(context: Context, words: str) -> None:
    log.warning("%s", words)
    context.store.add_event("warning", words, context.now())


def _clear(run: RunFolder) -> None:
    """Remove the request first: what a crash leaves of the rest fits no other request."""
    run.request_file.unlink()
    for path in sorted(run.path.iterdir()):
        if path.name not in _STAYS:
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)

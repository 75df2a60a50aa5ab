"""`maskloop doctor`: a report of all that a support engineer would ask for, without secrets.

It changes nothing, and works while another process holds the store, the server is down, the store
is missing or config.toml is faulty: each part of the report says what it could not find out.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.config.loading import Config, load_config
from daemon.config.redaction import SECRET_NAME, Redactor
from daemon.config.tokens import token_reader
from daemon.config.web_tokens import GENERATED_FILE
from daemon.diagnostics.check import read_only_results
from daemon.diagnostics.findings import findings
from daemon.diagnostics.machine import machine, versions
from daemon.domain.errors import MaskloopError
from daemon.loop.components import folder_source
from daemon.runs.run_folder import RunFolder
from daemon.status.snapshot_health import daemon_state
from daemon.store import FILE
from daemon.store.health import examine, last_heartbeat

MAX_RUNS = 5  # the newest
LOG_LINES = 15  # of each run
LOG_BYTES = 64 * 1024  # read from the end of a log
RESULT_CHARS = 4000
Report = dict[str, Any]
# Errors that code may raise on a damaged state folder or an unusual machine.
_UNEXPECTED_ERRORS = (
    *(OSError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError),
    *(sqlite3.Error, ImportError),
)


def diagnose(path: Path, now: datetime, environment: Mapping[str, str] = os.environ) -> Report:
    """The report on the configuration at `path`, as nested dicts and lists of JSON values.

    Secrets are removed from the whole report at the end.
    """
    report: Report = {"at": now.isoformat(), "versions": versions(), "machine": machine()}
    secrets = [value for name, value in environment.items() if SECRET_NAME.search(name)]
    try:
        config = load_config(path)
    except MaskloopError as exc:
        report |= {"config": {"file": str(path), "fault": str(exc)}}
    else:
        secrets += _secrets(config, environment)
        parts: Mapping[str, Callable[[], Any]] = {
            "config": lambda: _config_part(path, config),
            "paths": lambda: _paths_part(config),
            "daemon": lambda: _daemon_part(config, now),
            "store": lambda: _store_part(config),
            "runs": lambda: list(_runs_part(config.state / "runs")),
            "labeling tool": lambda: _tool_part(config, report.get("store", {})),
            "checks": lambda: _checks_part(config, report["labeling tool"]),
        }
        for name, part in parts.items():
            report[name] = _part_or_fault(part)
        urgent = _part_or_fault(lambda: list(dict.fromkeys(findings(report, config))))
        report = {"findings": urgent, **report}
    redacted: Report = Redactor(secrets).all(report)
    return redacted


def _part_or_fault(part: Callable[[], Any]) -> Any:
    """A part of the report, or the fault that kept it from being made."""
    try:
        return part()
    except MaskloopError as exc:
        return {"fault": str(exc)}
    except _UNEXPECTED_ERRORS as exc:
        return {"fault": f"unexpected {type(exc).__name__}: {exc}"}


def _secrets(config: Config, environment: Mapping[str, str]) -> list[str]:
    """Texts that may be a token or a password, also from a file that is refused as token file."""
    user_and_password = config.label_studio.url.partition("://")[2].rpartition("@")[0]
    found = [*user_and_password.split(":"), environment.get(config.label_studio.token_env, "")]
    web = config.web
    found += [environment.get(name, "") for name in (web.token_env, web.viewer_token_env)]
    files = [config.label_studio.token_file, web.token_file, web.viewer_token_file]
    for path in [config.home / name for name in files if name] + [config.state / GENERATED_FILE]:
        with suppress(OSError):
            content = path.read_text(errors="replace")
            found += [content, *content.split()]
    return found


def _config_part(path: Path, config: Config) -> Report:
    settings, defaults = _settings_by_name(config), _settings_by_name(Config())
    return {
        "file": str(path.absolute()),
        "token": _token_facts(config),
        "not the default": {k: value for k, value in settings.items() if value != defaults[k]},
        "all": settings,
    }


def _settings_by_name(config: Config) -> Report:
    return {
        f"[{table}] {name}": value
        for table, rows in config.model_dump(mode="json").items()
        for name, value in rows.items()
    }


def _token_facts(config: Config) -> str:
    """Where the token comes from, its kind and its length; never the token."""
    settings = config.label_studio
    source = (
        f"file {settings.token_file}" if settings.token_file else f"variable {settings.token_env}"
    )
    if config.connector.kind != "label_studio":
        return "none is needed"
    try:
        token = token_reader(config)()
    except MaskloopError as exc:
        return f"{source} gives none ({exc})"
    if re.fullmatch(r"[0-9a-f]{40}", token):
        kind = "a legacy token by its looks"
    elif token.startswith("eyJ") and token.count(".") == 2:
        kind = "a personal access token by its looks"
    else:
        kind = "neither a legacy nor a personal access token by its looks"
    return f"{source}: {kind}, {len(token)} characters"


def _paths_part(config: Config) -> list[Report]:
    named = {
        "state": config.state,
        "images": config.home / config.images.folder,
        "image cache": config.state / "images",
        "runs": config.state / "runs",
        "temporary files": Path(tempfile.gettempdir()),
    }
    return [_path_facts(name, path) for name, path in named.items()]


def _path_facts(name: str, path: Path) -> Report:
    existing = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    disk = shutil.disk_usage(existing)
    return {
        "what": name,
        "path": str(path.absolute()),
        "exists": path.exists(),
        "mode": stat.filemode(existing.stat().st_mode),
        "may write": os.access(existing, os.W_OK),
        "free GB": round(disk.free / 1e9, 2),
        "of GB": round(disk.total / 1e9, 2),
    }


def _daemon_part(config: Config, now: datetime) -> Report:
    """Which process holds the store, and when it was last written (normally at every tick)."""
    path = config.state / FILE
    daemon = daemon_state(config.state, last_heartbeat(path), now)
    report: Report = {
        "running": "no" if daemon.process is None else f"process {daemon.process}",
        "state": daemon.state.value,
        "description": daemon.words,
        "last tick ended at": daemon.looked_at,
        "ticks every s": config.loop.poll_s,
    }
    files = [file for file in (path, Path(f"{path}-wal")) if file.exists()]
    if files:
        last = max(file.stat().st_mtime for file in files)
        report["store last written s ago"] = round(now.timestamp() - last, 1)
    return report


def _store_part(config: Config) -> Report:
    path = config.state / FILE
    if not path.exists():
        return {"file": str(path), "fault": "no store; the daemon has not run yet"}
    return {"file": str(path), **examine(path)}


def _runs_part(folder: Path) -> Iterator[Report]:
    paths = [path for path in folder.glob("*") if path.is_dir()] if folder.exists() else []
    for path in sorted(paths, key=lambda path: path.stat().st_mtime)[-MAX_RUNS:]:
        yield {"run": path.name, **_part_or_fault(lambda path=path: _run_facts(RunFolder(path)))}  # type: ignore[misc]


def _run_facts(run: RunFolder) -> Report:
    progress, failure, holder = run.read_progress(), run.read_error(), run.holder()
    return {
        "finished": run.finished(),
        "running": "no" if holder is None else f"process {holder}",
        "progress": progress.model_dump(mode="json") if progress else None,
        "error": failure.model_dump(mode="json") if failure else None,
        "result": run.result_file.read_text()[:RESULT_CHARS] if run.finished() else None,
        "end of the log": _tail(run.log),
    }


def _tail(path: Path) -> list[str]:
    """The last LOG_LINES lines, whole ones only: part of a token would not be redacted."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        start = max(0, path.stat().st_size - LOG_BYTES)
        file.seek(start)
        text = file.read(LOG_BYTES).decode(errors="replace")
    whole = text.split("\n")[1 if start else 0 :]
    return [line for line in whole if line.strip()][-LOG_LINES:]


def _checks_part(config: Config, tool: Mapping[str, Any]) -> Report:
    """The results of the checks of `maskloop check` that change nothing and start no process."""
    results = read_only_results(config, tool_answers="fault" not in tool)
    return {name: r if isinstance(r, str) else list(r) for name, r in results.items()}


def _tool_part(config: Config, store: Mapping[str, Any]) -> Report:
    if config.connector.kind != "label_studio":
        return {"kind": config.connector.kind}
    from connectors.label_studio.diagnostics import describe

    facts = store.get("facts")
    rows = facts if isinstance(facts, list) else []
    version = {row["name"]: row["value"] for row in rows}.get("version")
    fault, source = {}, None
    try:
        source = folder_source(config)
    except MaskloopError as exc:
        fault = {"fault": str(exc)}
    found = describe(
        url=config.label_studio.url,
        project=config.label_studio.project,
        token=token_reader(config),
        classes=config.class_set,
        source=source,
        version=version,
    )
    return found | fault

"""`maskloop doctor`: everything that a support engineer would ask for, without secrets.

It reads and changes nothing: another process may hold the store, the server may be down, the
store may be absent, config.toml may be faulty; each part says what it could not find out.
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
from daemon.diagnostics.check import look
from daemon.diagnostics.findings import findings
from daemon.diagnostics.machine import machine, versions
from daemon.domain.errors import MaskloopError
from daemon.loop.components import folder_source
from daemon.runs.folder import RunFolder
from daemon.status.snapshot_health import daemon_state
from daemon.store import FILE
from daemon.store.health import examine, last_heartbeat

SHOWN_RUNS = 5
LOG_LINES = 15
LOG_BYTES = 64 * 1024
Report = dict[str, Any]
# What a damaged state folder or an odd machine may do to code that looks at it.
_SURPRISES = (
    *(OSError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError),
    *(sqlite3.Error, ImportError),
)


def diagnose(path: Path, now: datetime, environment: Mapping[str, str] = os.environ) -> Report:
    """The report on the configuration at `path`, as nested dicts and lists of plain values.

    Secrets are taken out of all of it at the end, wherever they stood.
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
            "config": lambda: _config(path, config),
            "paths": lambda: _paths(config),
            "daemon": lambda: _daemon(config, now),
            "store": lambda: _store(config),
            "runs": lambda: list(_runs(config.state / "runs")),
            "labeling tool": lambda: _tool(config, report.get("store", {})),
            "checks": lambda: _checks(config, report["labeling tool"]),
        }
        for name, part in parts.items():
            report[name] = _said(part)
        found_first = _said(lambda: list(dict.fromkeys(findings(report, config))))
        report = {"findings": found_first, **report}
    found: Report = Redactor(secrets).all(report)
    return found


def lines(value: Any, indent: str = "") -> Iterator[str]:
    """A report as text, a fact a line."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _named(f"{indent}{name}:", part, indent)
    elif isinstance(value, list):
        for part in value:
            yield from _named(f"{indent}-", part, indent)
    else:
        yield from (f"{indent}{line}" for line in str(value).splitlines())


def _named(head: str, part: Any, indent: str) -> Iterator[str]:
    if isinstance(part, Mapping) and head.endswith("-") and not _is_deep(part):
        yield f"{head} {', '.join(f'{name}: {value}' for name, value in part.items())}"
    elif isinstance(part, Mapping | list) and part:
        yield head
        yield from lines(part, f"{indent}  ")
    elif isinstance(part, str) and "\n" in part:
        yield head
        yield from (f"{indent}  {line}" for line in part.splitlines())
    else:
        empty = part is None or part in ({}, [], "")
        yield f"{head} {'none' if empty else part}"


def _is_deep(row: Mapping[str, Any]) -> bool:
    return any(isinstance(value, Mapping | list) or "\n" in str(value) for value in row.values())


def _said(part: Callable[[], Any]) -> Any:
    """What a part found, or why it could not: a report goes on where a daemon would not."""
    try:
        return part()
    except MaskloopError as exc:
        return {"fault": str(exc)}
    except _SURPRISES as exc:
        return {"fault": f"unexpected {type(exc).__name__}: {exc}"}


def _secrets(config: Config, environment: Mapping[str, str]) -> list[str]:
    """Everything that may be a token, also from a file that is not accepted as one."""
    signed_in = config.label_studio.url.partition("://")[2].rpartition("@")[0]
    found = [*signed_in.split(":"), environment.get(config.label_studio.token_env, "")]
    if config.label_studio.token_file:
        with suppress(OSError):
            content = (config.home / config.label_studio.token_file).read_text(errors="replace")
            found += [content, *content.split()]
    return found


def _config(path: Path, config: Config) -> Report:
    settings, usual = _flat(config), _flat(Config())
    return {
        "file": str(path.absolute()),
        "token": _token(config),
        "not the default": {k: value for k, value in settings.items() if value != usual[k]},
        "all": settings,
    }


def _flat(config: Config) -> Report:
    return {
        f"[{table}] {name}": value
        for table, rows in config.model_dump(mode="json").items()
        for name, value in rows.items()
    }


def _token(config: Config) -> str:
    """Where the token comes from and of which kind it is; never the token."""
    named = config.label_studio
    place = f"file {named.token_file}" if named.token_file else f"variable {named.token_env}"
    if config.connector.kind != "label_studio":
        return "none is needed"
    try:
        token = token_reader(config)()
    except MaskloopError as exc:
        return f"{place} gives none ({exc})"
    if re.fullmatch(r"[0-9a-f]{40}", token):
        kind = "a legacy token by its looks"
    elif token.startswith("eyJ") and token.count(".") == 2:
        kind = "a personal access token by its looks"
    else:
        kind = "neither a legacy nor a personal access token by its looks"
    return f"{place}: {kind}, {len(token)} characters"


def _paths(config: Config) -> list[Report]:
    named = {
        "state": config.state,
        "images": config.home / config.images.folder,
        "image cache": config.state / "images",
        "runs": config.state / "runs",
        "temporary files": Path(tempfile.gettempdir()),
    }
    return [_place(name, path) for name, path in named.items()]


def _place(name: str, path: Path) -> Report:
    there = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    disk = shutil.disk_usage(there)
    return {
        "what": name,
        "path": str(path.absolute()),
        "exists": path.exists(),
        "mode": stat.filemode(there.stat().st_mode),
        "may write": os.access(there, os.W_OK),
        "free GB": round(disk.free / 1e9, 2),
        "of GB": round(disk.total / 1e9, 2),
    }


def _daemon(config: Config, now: datetime) -> Report:
    """Who holds the store, and when it was written last: at every tick, where all is well."""
    path = config.state / FILE
    daemon = daemon_state(config.state, last_heartbeat(path), now)
    report: Report = {
        "running": "no" if daemon.process is None else f"process {daemon.process}",
        "state": daemon.state.value,
        "said": daemon.words,
        "looked at": daemon.looked_at,
        "looks every s": config.loop.poll_s,
    }
    files = [file for file in (path, Path(f"{path}-wal")) if file.exists()]
    if files:
        last = max(file.stat().st_mtime for file in files)
        report["last sign of life s ago"] = round(now.timestamp() - last, 1)
    return report


def _store(config: Config) -> Report:
    path = config.state / FILE
    if not path.exists():
        return {"file": str(path), "fault": "there is none: the daemon has not run yet"}
    return {"file": str(path), **examine(path)}


def _runs(folder: Path) -> Iterator[Report]:
    paths = [path for path in folder.glob("*") if path.is_dir()] if folder.exists() else []
    for path in sorted(paths, key=lambda path: path.stat().st_mtime)[-SHOWN_RUNS:]:
        yield {"run": path.name, **_said(lambda path=path: _run(RunFolder(path)))}  # type: ignore[misc]


def _run(run: RunFolder) -> Report:
    progress, failure, holder = run.read_progress(), run.read_error(), run.holder()
    return {
        "finished": run.finished(),
        "running": "no" if holder is None else f"process {holder}",
        "progress": progress.model_dump(mode="json") if progress else None,
        "error": failure.model_dump(mode="json") if failure else None,
        "result": run.result_file.read_text()[:4000] if run.finished() else None,
        "end of the log": _tail(run.log),
    }


def _tail(path: Path) -> list[str]:
    """The last lines, whole ones: a token that is cut in two would not be known as one."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        start = max(0, path.stat().st_size - LOG_BYTES)
        file.seek(start)
        text = file.read(LOG_BYTES).decode(errors="replace")
    whole = text.split("\n")[1 if start else 0 :]
    return [line for line in whole if line.strip()][-LOG_LINES:]


def _checks(config: Config, tool: Mapping[str, Any]) -> Report:
    """What `maskloop check` finds, and which of its checks were not tried here."""
    return {name: found if isinstance(found, str) else list(found)
            for name, found in look(config, tool_answers="fault" not in tool).items()}  # fmt: skip


def _tool(config: Config, store: Mapping[str, Any]) -> Report:
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

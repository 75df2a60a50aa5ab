"""`maskloop config set` and `unset`: one setting of config.toml, checked before it is written.

The file is the old one or the new one at every moment; comments and order stay.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.config import change_history
from daemon.config.editing import (
    replace_text,
    with_content,
    with_leaf,
    without_content,
    without_leaf,
)
from daemon.config.loading import Config, checked_config, read_content
from daemon.config.redaction import Redactor
from daemon.config.rendering import toml_value
from daemon.config.setting_keys import (
    SettingChange,
    SettingKey,
    is_open_table,
    key_text,
)
from daemon.config.toml_lines import Lines, lines_of
from daemon.domain.errors import ConfigError, MaskloopError
from daemon.domain.os_errors import describe_os_error
from daemon.loop.components import require_strategies
from daemon.stages.classes import require_same_classes
from daemon.stages.setting_effects import effect_of, restarted_runs
from daemon.store import FILE, Store

_MARK = "\ufeff"


@dataclass(frozen=True, kw_only=True)
class _Parsed:
    """A file as it is. text: with its line ends, without a byte order mark. config: None where its
    settings have faults."""

    path: Path
    mark: str
    text: str
    content: dict[str, Any]
    lines: Lines
    config: Config | None


def set_setting(path: Path, key: SettingKey, value: Any, now: datetime) -> Sequence[str]:
    """Write one setting, and say what it means. Raises ConfigError, and then writes nothing."""
    if is_open_table(key):
        raise ConfigError(
            f"{key_text(key)}: is a table of settings; name one of them: {key_text(key)}.NAME"
        )
    with change_history.sole_editor(path):
        parsed = _read(path)
        _refuse_secret(parsed.config or Config(), key, value)
        before = _value(parsed.content, key)
        if type(before) is type(value) and before == value:
            return [f"{path}: {key_text(key)} is {toml_value(value)} already; nothing was written"]
        content = with_content(parsed.content, key, value)
        new = _checked(parsed, content)
        return _write(parsed, new, key, with_leaf(parsed.text, key, value), now)


def unset_setting(path: Path, key: SettingKey, now: datetime) -> Sequence[str]:
    """Remove the line of a setting, so that its default counts. Raises ConfigError, and then writes
    nothing."""
    with change_history.sole_editor(path):
        parsed = _read(path)
        try:
            content = without_content(parsed.content, key)
        except KeyError:
            return [f"{path}: {key_text(key)} does not stand there; nothing was written"]
        new = _checked(parsed, content)
        return _write(parsed, new, key, without_leaf(parsed.text, key), now)


def restart_lines(before: Config | None, after: Config) -> list[str]:
    """Which unfinished runs start again because of a change, and why, a line each."""
    try:
        runs = set(restarted_runs(before)) if before else set()
        return [line for line in restarted_runs(after) if line not in runs]
    except MaskloopError as exc:
        return [f"which runs start again is not known: {exc}"]


def refuse_for_labels(config: Config) -> None:
    """Raise ConfigError where the classes would change what the masks in the store mean."""
    file = config.state / FILE
    if file.exists():
        with Store(file, read_only=True) as store:
            store.require_current(file)
            require_same_classes(store, config)


def _read(path: Path) -> _Parsed:
    text, content = read_content(path)
    raw = path.read_bytes().decode("utf-8")  # `read_content` has checked it
    lines = lines_of(text)
    try:
        config = checked_config(content, path, lines)
    except ConfigError:
        config = None  # the change may be what corrects it
    return _Parsed(
        path=path,
        mark=_MARK if raw.startswith(_MARK) else "",
        text=raw.removeprefix(_MARK),
        content=content,
        lines=lines,
        config=config,
    )


def _state(parsed: _Parsed) -> Path:
    return parsed.config.state if parsed.config else parsed.path.absolute().parent / "state"


def _checked(parsed: _Parsed, content: dict[str, Any]) -> Config:
    """The settings after the change. Raises ConfigError for whatever the daemon would refuse."""
    try:
        config = checked_config(content, parsed.path, parsed.lines)
        if parsed.config is None or parsed.config.selection != config.selection:
            require_strategies(config)
        if parsed.config is None or parsed.config.classes != config.classes:
            refuse_for_labels(config)
    except ConfigError as exc:
        raise ConfigError(f"nothing was written; with this change {exc}") from exc
    return config


def _write(
    parsed: _Parsed, new: Config, key: SettingKey, changed: str | None, now: datetime
) -> Sequence[str]:
    before = _value(parsed.content, key)
    if changed is None:
        raise ConfigError(
            f"{parsed.path}: found no place for {key_text(key)} that touches nothing else; edit "
            f"the file by hand"
        )
    if not os.access(parsed.path, os.W_OK):
        raise ConfigError(
            f"{parsed.path}: this user may not write it; run the command as its owner, or chmod it"
        )
    replace_text(parsed.path, parsed.mark + changed)
    after = _value(read_content(parsed.path)[1], key)
    change = SettingChange(key=key, before=before, after=after)
    lines = [f"{parsed.path}: {change.words()}; it counts {effect_of(key)}"]
    lines += restart_lines(parsed.config, new)
    old, written = ("" if value is None else toml_value(value) for value in (before, after))
    entry = change_history.new_change(parsed.path, key_text(key), old, written, now)
    try:
        change_history.keep_change(_state(parsed), entry)
    except OSError as exc:
        lines.append(f"the change was not added to the history: {describe_os_error(exc)}")
    return lines


def _refuse_secret(config: Config, key: SettingKey, value: Any) -> None:
    """Raise ConfigError for a value that looks like a token, or that is one of the environment."""
    text, tool, web = value if isinstance(value, str) else "", config.label_studio, config.web
    names = (tool.token_env, tool.webhook_secret_env, web.token_env, web.viewer_token_env)
    secrets = [os.environ.get(name, "") for name in names]
    if text and Redactor(secrets).words(text) != text:
        raise ConfigError(
            f"{key_text(key)}: the value looks like a secret; expected none in config.toml: export "
            f"it, and name the variable in [label_studio] token_env, or name a file in token_file"
        )


def _value(content: Any, key: SettingKey) -> Any:
    for part in key:
        content = content.get(part) if isinstance(content, dict) else None
    return content

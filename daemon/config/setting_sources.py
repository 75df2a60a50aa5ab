"""Every setting in effect and where its value comes from: `maskloop config show`. Pure but for the
file that is read, and for whether a variable of the environment is set; its value is never kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.config import learner
from daemon.config.loading import Config, checked_config, read_content
from daemon.config.redaction import Redactor
from daemon.config.rendering import toml_value
from daemon.config.setting_keys import SettingKey, flat_settings, key_text
from daemon.config.toml_lines import Lines, lines_of

LEARNER = ("training", "settings")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{([^}]*)\})")
_NAMES_OF_VARIABLES = {  # a setting that names a variable -> the setting that says it is used
    ("label_studio", "token_env"): ("label_studio", "token_file"),
    ("label_studio", "webhook_secret_env"): ("label_studio", "webhook"),
    ("web", "token_env"): ("web", "token_file"),
    ("web", "viewer_token_env"): ("web", "viewer_token_file"),
}


@dataclass(frozen=True, kw_only=True)
class EffectiveSetting:
    """One setting. source: "default", "line 12", "preset gpu" or "method supervised", as words.

    environment: the variables that its text names -> whether they are set. differs: whether the
    value is another than the default.
    """

    key: SettingKey
    value: Any
    default: Any
    source: str
    line: int | None = None
    environment: Mapping[str, bool] = field(default_factory=dict)

    @property
    def differs(self) -> bool:
        """Whether the value is another than the default."""
        return bool(self.value != self.default)

    def as_json(self) -> dict[str, Any]:
        """For programs: key, value, default, source, line, and the variables of the environment."""
        found: dict[str, Any] = Redactor(()).all(
            {
                "key": key_text(self.key),
                "value": self.value,
                "default": self.default,
                "source": self.source,
                "line": self.line,
                "environment": dict(self.environment),
                "differs": self.differs,
            }
        )
        return found


def effective_settings(path: Path) -> list[EffectiveSetting]:
    """All settings of a file, in the order of `config.toml`; those of the learner with the values
    that its preset gives them. Raises ConfigError for a file that cannot be used."""
    text, content = read_content(path)
    lines = lines_of(text)
    config = checked_config(content, path, lines)
    return list(_settings(config, content, lines, path.name))


def setting_lines(settings: Sequence[EffectiveSetting]) -> list[str]:
    """The settings as lines that are TOML, each with its source as a comment."""
    lines: list[str] = []
    table = ""
    for one in settings:
        if one.key[0] != table:
            table = one.key[0]
            lines += [*([""] if lines else []), f"[{table}]"]
        name = key_text(one.key[1:])
        text = f"# {name}: none" if one.value is None else f"{name} = {toml_value(one.value)}"
        lines.append(Redactor(()).words(f"{text:<40}  # {_words(one)}"))
    return lines


def _settings(
    config: Config, content: Mapping[str, Any], lines: Lines, file: str
) -> Iterator[EffectiveSetting]:
    flat, defaults = flat_settings(config), flat_settings(Config())
    for table in {key[0]: None for key in [*flat, *defaults]}:
        for key, value in flat.items():
            if key[0] == table and key[:2] != LEARNER:
                line = lines.get(key)
                yield EffectiveSetting(
                    key=key,
                    value=_as_written(value, content, key),
                    default=defaults.get(key),
                    source="default" if line is None else f"{file} line {line}",
                    line=line,
                    environment=_variables(config, content, key),
                )
        if table == LEARNER[0]:
            yield from _learner_settings(config, content, lines, file)


def _learner_settings(
    config: Config, content: Mapping[str, Any], lines: Lines, file: str
) -> Iterator[EffectiveSetting]:
    given = config.training.settings
    changes = {"preset": config.training.preset, **given}
    values, defaults = learner.resolved(changes), learner.resolved({})
    preset = learner.PRESETS.get(str(changes["preset"]), {})
    method = learner.METHODS.get(str(changes.get("method", "hrda")), {})
    for name in learner.fields_of_settings():
        key, line = (*LEARNER, name), None
        if name in given:
            line = lines.get(key)
            source = f"{file} line {line}"
        elif name == "preset":
            continue  # it stands in [training] itself
        elif name in method:
            source = f"method {changes['method']}"
        else:
            source = f"preset {changes['preset']}" if name in preset else "default"
        yield EffectiveSetting(
            key=key,
            value=_as_written(values[name], content, key),
            default=defaults[name],
            source=source,
            line=line,
            environment=_variables(config, content, key),
        )


def _as_written(value: Any, content: Mapping[str, Any], key: SettingKey) -> Any:
    """The value, or the text of the file where it names a variable: its value may be a secret."""
    text = _text(content, key)
    return text if _VARIABLE.search(text) and text != value else value


def _variables(config: Config, content: Mapping[str, Any], key: SettingKey) -> dict[str, bool]:
    names = [named or braced for named, braced in _VARIABLE.findall(_text(content, key))]
    if key in _NAMES_OF_VARIABLES:
        flat = flat_settings(config)
        other = bool(flat[_NAMES_OF_VARIABLES[key]])
        if other == (key[1] == "webhook_secret_env"):
            names.append(flat[key])
    return {name: bool(os.environ.get(name)) for name in names}


def _text(content: Mapping[str, Any], key: SettingKey) -> str:
    """What the file says there, if it is a text; else ""."""
    value: Any = content
    for part in key:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


def _words(one: EffectiveSetting) -> str:
    variables = [
        f"environment variable {name}, {'set' if is_set else 'not set'}"
        for name, is_set in one.environment.items()
    ]
    return "; ".join([one.source, *variables])

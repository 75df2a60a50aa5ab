"""config.toml as text, written from the settings of daemon/config/loading.py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from daemon.config.loading import Config
from daemon.config.section import Section


def render(config: Config) -> str:
    """config.toml as text: every setting, its value and what it means."""
    lines = [
        "# Settings of Maskloop. Every setting is here with its default; delete what you do not",
        "# change. Secrets never stand here: the token comes from the environment or a file.",
    ]
    for table in Config.model_fields:
        section = getattr(config, table)
        if isinstance(section, Section):
            lines += ["", f"[{table}]", *_render_section(section)]
    return "\n".join(lines) + "\n"


def _render_section(section: Section) -> list[str]:
    lines = []
    for name, field in type(section).model_fields.items():
        lines += [f"# {field.description}", f"{name} = {toml_value(getattr(section, name))}"]
    return lines


def toml_value(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{json.dumps(key)} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False, default=str)  # str: of a date, which no setting is

"""`maskloop init`: a config.toml where there is none, and a project that the loop may use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from daemon.config import Config
from daemon.config_text import render
from daemon.domain import HINT_PATH
from daemon.durable import atomic_file
from daemon.errors import ConfigError
from daemon.streams import in_words
from daemon.tokens import token_reader, webhook_secret
from daemon.wiring import folder_source

_NUMBER = re.compile(r"^([ \t]*project[ \t]*=[ \t]*)0(?=[ \t]*(#.*)?$)", re.MULTILINE)


def write_config(path: Path) -> Sequence[str]:
    """Write every setting with its default; a file that is there stays."""
    if path.exists() or path.is_symlink():
        return [f"{path}: is there already and stays as it is"]
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path}: its folder is missing; make it, or name another --config")
    _replace(path, render(Config()))
    return [f"{path}: written; put your classes and the address of Label Studio in it"]


def adopt_project(path: Path, config: Config) -> Sequence[str]:
    """Make or adopt the project and put its number into the file. Safe to run again."""
    if config.connector.kind == "folder":
        return ["[connector] kind = folder: no project is needed"]
    from connectors.label_studio import LOCKS, create_or_adopt_project

    adopted = create_or_adopt_project(
        url=config.label_studio.url,
        token=token_reader(config),
        project=config.label_studio.project or config.label_studio.title,
        classes=config.class_set,
        source=folder_source(config),
    )
    lines = [*adopted.did, *(f"note: {words}" for words in adopted.notes)]
    lines.append(f"note: {LOCKS}")
    lines += [f"to do: {fault}" for fault in adopted.faults]
    if not config.label_studio.project:
        _fill_in(path, adopted.id)
        lines.append(f"{path}: project = {adopted.id}")
    lines += _invite_hints(config, adopted.id)
    return [*lines, f"project {adopted.id} is ready" if not adopted.faults else "not ready yet"]


def _invite_hints(config: Config, project: int) -> Sequence[str]:
    """Have Label Studio say when to look, where a webhook is configured."""
    secret, settings = webhook_secret(config), config.label_studio
    if not secret:
        return []
    from connectors.label_studio import register_webhook

    return register_webhook(
        url=settings.url,
        token=token_reader(config),
        project=project,
        target=settings.webhook.rstrip("/") + HINT_PATH,
        secret=secret,
    )


def _fill_in(path: Path, number: int) -> None:
    text, times = _NUMBER.subn(rf"\g<1>{number}", path.read_text(encoding="utf-8"))
    if times != 1:
        raise ConfigError(
            f"{path}: has no line `project = 0` to fill in; write project = {number} under "
            f"[label_studio]"
        )
    _replace(path, text)


def _replace(path: Path, text: str) -> None:
    try:
        with atomic_file(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise ConfigError(in_words(exc, str(path))) from exc

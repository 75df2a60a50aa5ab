"""`maskloop init`: a config.toml where there is none, and a project that the loop may use.

It may be run again at any time. What a person still has to do is its answer, in order; it makes
no project beside others without being told to.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.config.editing import replace_text, write_setting
from daemon.config.loading import Config, load_config
from daemon.config.rendering import render
from daemon.config.tokens import token_reader, webhook_secret
from daemon.domain import HINT_PATH
from daemon.domain.errors import ConfigError, MaskloopError
from daemon.loop.components import folder_source, open_connector
from daemon.setup.project_choice import Talk, Wish, chosen, show_reason, with_classes, with_source
from daemon.store import FILE, Store

if TYPE_CHECKING:
    from connectors.label_studio import ServerProject, ServerProjects


def prepare(path: Path, wish: Wish, talk: Talk) -> Sequence[str]:
    """Write or read the settings, make or adopt the project; what is left to do, in order.

    Raises ConfigError for settings that cannot be read.
    """
    fresh = not (path.exists() or path.is_symlink())
    if not fresh:
        return adopt_project(path, load_config(path), wish, talk)
    for line in write_config(path):
        talk.say(line)
    return first_steps(path)


def write_config(path: Path) -> Sequence[str]:
    """Write every setting with its default; a file that is there stays."""
    if path.exists() or path.is_symlink():
        return [f"{path}: is there already and stays as it is"]
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path}: its folder is missing; make it, or name another --config")
    replace_text(path, render(Config()))
    return [f"{path}: written, every setting with its default"]


def first_steps(path: Path) -> Sequence[str]:
    """What a person does after config.toml was written."""
    usual = Config().label_studio
    steps = [
        f"in {path} put your classes, background first, into [classes] names, and the address of "
        f"Label Studio into [label_studio] url",
        'the images: write [images] source = "project" where your project has its images already; '
        'leave "folder" where Maskloop should make the tasks from a folder that Label Studio '
        "serves, and name it in [images] folder and [label_studio] document_root",
    ]
    if not os.environ.get(usual.token_env):
        steps.append(
            f"export {usual.token_env}=... with the token of Account & Settings in Label Studio, "
            f"or name a file that holds it in [label_studio] token_file"
        )
    return steps


def adopt_project(path: Path, config: Config, wish: Wish, talk: Talk) -> Sequence[str]:
    """Make or adopt the project and put its number into the file; what is left to do."""
    if config.connector.kind == "folder":
        talk.say("[connector] kind = folder: no project is needed")
        return []
    from connectors.label_studio import ServerProjects

    try:
        read = token_reader(config)
        read()
        with ServerProjects(config.label_studio.url, read) as server:
            return _adopt(path, config, wish, talk, server)
    except MaskloopError as exc:
        return [str(exc)]


def _adopt(
    path: Path, config: Config, wish: Wish, talk: Talk, server: ServerProjects
) -> Sequence[str]:
    from connectors.label_studio import (
        LOCK_ADVICE,
        REASON_NOT_SHOWN,
        create_or_adopt_project,
    )

    project = chosen(path, config, wish, talk, server)
    if project:
        if other := _other_owner(config, project):
            return other
        talk.say(f"adopting project {project}")
        _keep_number(path, project.number, talk)
        config = with_source(path, load_config(path), project, talk)
        config, differing = with_classes(path, config, project.number, talk, server)
        if differing:
            return differing
        show_reason(path, project.number, wish, talk, server)
    adopted = create_or_adopt_project(
        url=config.label_studio.url,
        token=token_reader(config),
        project=project.number if project else config.label_studio.title,
        classes=config.class_set,
        source=folder_source(config),
    )
    notes = [
        words for words in (*adopted.notes, LOCK_ADVICE) if words != REASON_NOT_SHOWN
    ]  # said with its cure
    for words in (*adopted.actions, *(f"note: {words}" for words in notes)):
        talk.say(words)
    _keep_number(path, adopted.id, talk)
    for words in _invite_hints(config, adopted.id):
        talk.say(words)
    with closing(open_connector(load_config(path))) as connector:
        return [str(fault) for fault in connector.check()]


def _keep_number(path: Path, number: int, talk: Talk) -> None:
    if load_config(path).label_studio.project != number:
        write_setting(path, "label_studio", "project", number)
        talk.say(f"{path}: project = {number}")


def _other_owner(config: Config, project: ServerProject) -> Sequence[str]:
    """A fault where the store of another Maskloop has its mark on the project."""
    store = config.state / FILE
    known = None
    if project.owner and store.exists():
        with Store(store, read_only=True) as opened:
            known = opened.fact("identity")
    if project.owner in ("", known):
        return []
    return [
        f"project {project.number}: got the mark of the store {project.owner}, which is not the "
        f"one in {config.state}: another Maskloop works on it; stop that one and use its state "
        f"folder, or, if that is lost, take the mark out of the project's description"
    ]


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

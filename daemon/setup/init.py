"""`maskloop init`: write config.toml if there is none, else adopt or create the project.

It may be run again at any time, and it returns what a person still has to do, in order. Beside
other projects it creates one only on request.
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
from daemon.setup.project_choice import (
    Dialog,
    InitOptions,
    choose_project,
    settle_class_names,
    settle_image_source,
    settle_smart_tool,
    show_reason,
)
from daemon.store import FILE, Store

if TYPE_CHECKING:
    from connectors.label_studio import ServerProject, ServerProjects


def init_project(path: Path, options: InitOptions, dialog: Dialog) -> Sequence[str]:
    """Write the settings, or read them and adopt or create the project.

    Returns what a person still has to do, in order; empty: all is ready. Raises ConfigError for
    settings that cannot be read.
    """
    fresh = not (path.exists() or path.is_symlink())
    if not fresh:
        return adopt_project(path, load_config(path), options, dialog)
    for line in write_config(path):
        dialog.say(line)
    return first_steps(path)


def write_config(path: Path) -> Sequence[str]:
    """Write every setting with its default; a file that exists is not changed. Returns messages.

    Raises ConfigError if the folder is missing.
    """
    if path.exists() or path.is_symlink():
        return [f"{path}: exists already and stays as it is"]
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path}: its folder is missing; make it, or name another --config")
    replace_text(path, render(Config()))
    return [f"{path}: written, every setting with its default"]


def first_steps(path: Path) -> Sequence[str]:
    """What a person has to do after config.toml was written."""
    defaults = Config().label_studio
    steps = [
        f"in {path} put your classes, background first, into [classes] names, and the address of "
        f"Label Studio into [label_studio] url",
        'the images: write [images] source = "project" where your project has its images already; '
        'leave "folder" where Maskloop should make the tasks from a folder that Label Studio '
        "serves, and name it in [images] folder and [label_studio] document_root",
    ]
    if not os.environ.get(defaults.token_env):
        steps.append(
            f"export {defaults.token_env}=... with the token of Account & Settings in Label Studio "
            f"or name a file that holds it in [label_studio] token_file"
        )
    return steps


def adopt_project(
    path: Path, config: Config, options: InitOptions, dialog: Dialog
) -> Sequence[str]:
    """Adopt or create the project and write its number into the file.

    Returns what a person still has to do, in order, and the fault that kept it from going on.
    """
    if config.connector.kind == "folder":
        dialog.say("[connector] kind = folder: no project is needed")
        return []
    from connectors.label_studio import ServerProjects

    try:
        read_token = token_reader(config)
        read_token()  # raises where there is none
        with ServerProjects(config.label_studio.url, read_token) as server:
            return _adopt_on_server(path, config, options, dialog, server)
    except MaskloopError as exc:
        return [str(exc)]


def _adopt_on_server(
    path: Path, config: Config, options: InitOptions, dialog: Dialog, server: ServerProjects
) -> Sequence[str]:
    from connectors.label_studio import LOCK_ADVICE, REASON_NOT_SHOWN, create_or_adopt_project

    config = _enable_smart_tool(path, config, options, dialog)
    project = choose_project(path, config, options, dialog, server)
    if project:
        if faults := _owner_faults(config, project):
            return faults
        dialog.say(f"adopting project {project}")
        _save_project_number(path, project.number, dialog)
        config = settle_image_source(path, load_config(path), project, dialog)
        config, differing = settle_class_names(path, config, project.number, dialog, server)
        if differing:
            return differing
        show_reason(path, project.number, options, dialog, server)
        settle_smart_tool(path, project.number, options, dialog, server)
    adopted = create_or_adopt_project(
        url=config.label_studio.url,
        token=token_reader(config),
        project=project.number if project else config.label_studio.title,
        classes=config.class_set,
        source=folder_source(config),
        smart_tool=config.smart_tool.enabled,
    )
    # `show_reason` has said that the reason is not shown, together with its cure.
    notes = [message for message in (*adopted.notes, LOCK_ADVICE) if message != REASON_NOT_SHOWN]
    for message in (*adopted.actions, *(f"note: {message}" for message in notes)):
        dialog.say(message)
    _save_project_number(path, adopted.id, dialog)
    for message in _register_webhook(config, adopted.id):
        dialog.say(message)
    with closing(open_connector(load_config(path))) as connector:
        return [str(fault) for fault in connector.check()]


def _enable_smart_tool(path: Path, config: Config, options: InitOptions, dialog: Dialog) -> Config:
    """The settings, with the smart tool where the options ask for it. `maskloop run` connects it,
    since Label Studio looks whether somebody answers."""
    if options.add_smart_tool and not config.smart_tool.enabled:
        write_setting(path, "smart_tool", "enabled", True)
        dialog.say(f"{path}: [smart_tool] enabled = true; `maskloop run` connects it")
        return load_config(path)
    return config


def _save_project_number(path: Path, number: int, dialog: Dialog) -> None:
    if load_config(path).label_studio.project != number:
        write_setting(path, "label_studio", "project", number)
        dialog.say(f"{path}: project = {number}")


def _owner_faults(config: Config, project: ServerProject) -> Sequence[str]:
    """A fault if the store of another Maskloop has put its mark on the project."""
    path = config.state / FILE
    identity = None
    if project.owner and path.exists():
        with Store(path, read_only=True) as store:
            identity = store.fact("identity")
    if project.owner in ("", identity):
        return []
    return [
        f"project {project.number}: got the mark of the store {project.owner}, which is not the "
        f"one in {config.state}: another Maskloop works on it; stop that one and use its state "
        f"folder, or, if that is lost, take the mark out of the project's description"
    ]


def _register_webhook(config: Config, project: int) -> Sequence[str]:
    """Have Label Studio report changes at once, if a webhook is configured. Returns messages."""
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

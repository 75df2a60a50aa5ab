"""Make the connector, the launcher and the strategies that a configuration names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import strategies
from connectors.base import Connector
from connectors.images.addresses import AllowedHosts
from daemon.config.loading import Config
from daemon.config.tokens import token_reader
from daemon.domain.errors import ConfigError
from daemon.intake import Intake
from daemon.launchers import Launcher
from daemon.launchers.local import LocalLauncher

if TYPE_CHECKING:
    from connectors.label_studio import FolderSource


def open_connector(config: Config) -> Connector:
    """The labeling tool of [connector]; the caller closes it. Raises ConfigError where a setting is
    missing."""
    if config.connector.kind == "folder":
        from connectors.folder import Folder

        return Folder(
            images=config.home / config.images.folder,
            truth=config.home / config.folder.truth,
            state=config.state / "folder",
            classes=config.class_set,
            max_bytes=config.images.max_megabytes * 10**6,
        )
    from connectors.label_studio import LabelStudio

    if not config.label_studio.project:
        raise ConfigError(
            "[label_studio] project = 0: expected the number of a project; run `maskloop init`, "
            "which adopts or creates one"
        )
    return LabelStudio(
        url=config.label_studio.url,
        project=config.label_studio.project,
        token=token_reader(config),
        classes=config.class_set,
        source=folder_source(config),
        connect_s=config.label_studio.connect_timeout_s,
        read_s=config.label_studio.read_timeout_s,
        max_bytes=config.images.max_megabytes * 10**6,
        allowed=AllowedHosts.parse(config.images.allow_hosts),
        smart_tool=config.smart_tool.enabled,
    )


def open_launcher(config: Config) -> Launcher:
    """The launcher that runs embed, train and predict; the caller stops it."""
    return LocalLauncher(processes=config.training.processes)


def folder_source(config: Config) -> FolderSource | None:
    """The folder whose images become tasks; None if the project has its own images.

    Raises ConfigError if Label Studio's document root is not set.
    """
    from connectors.label_studio import FolderSource

    if config.images.source == "project":
        return None
    if not config.label_studio.document_root:
        raise ConfigError(
            '[label_studio] document_root is empty: with [images] source = "folder" Label Studio '
            "must serve the images; start it with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true "
            "and LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, and name that folder here; or, where the "
            'project has its images already, write [images] source = "project"'
        )
    return FolderSource(
        config.home / config.images.folder,
        config.home / config.label_studio.document_root,
        config.images.max_megabytes * 10**6,
    )


def require_token(config: Config) -> None:
    """Raise ConfigError if Label Studio is used and there is no token for it."""
    if config.connector.kind == "label_studio":
        token_reader(config)()


def strategy_faults(config: Config) -> Sequence[str]:
    """The faults of the strategies of [selection] and their settings, each with its setting."""
    selection = config.selection
    faults = []
    for key, name, settings in (
        ("strategy", selection.strategy, selection.settings),
        ("seed_strategy", selection.seed_strategy, {}),
    ):
        where, intake = f"[selection] {key} = {name!r}", Intake()
        try:
            with intake.guard(where, expected="a strategy", cure="correct the plug-in"):
                strategies.load(name, **settings)
        except ConfigError as exc:
            faults.append(f"{where}: {exc}")
        faults += map(str, intake.faults())
    return faults


def require_strategies(config: Config) -> None:
    """Raise ConfigError that lists the faults of the strategies and their settings."""
    if faults := strategy_faults(config):
        raise ConfigError("config.toml:\n  " + "\n  ".join(faults))
